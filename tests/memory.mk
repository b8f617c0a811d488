# Undefined behaviour and memory, and tests of the tests: docs/reliability.md. Part of the Makefile at the top.

# Such as --file src/solve/cut.rs, or --shard 1/8; see `cargo mutants --help`. What is changed and tested: .cargo/mutants.toml.
MUTANTS ?=

.PHONY: miri sanitizers mutants

miri: ## The solver and the C interface in Miri, if the toolchain has it
	tests/miri.sh

sanitizers: ## The Rust tests under AddressSanitizer and LeakSanitizer; the C tests under those of the C compiler are part of c-tests
	tests/sanitizers.sh

# What an earlier run, of any part, has seen noticed is not tried again: `rm -r target/mutants` begins anew.
mutants: ## Changes the source in every small way, and expects a test to fail; hours, in parts: MUTANTS='--shard 1/8'
	@mkdir -p target/mutants
	@bin=$$(.ci/cargo-tool cargo-mutants 27.1.0) && PATH="$$bin:$$PATH" PROPTEST_DISABLE_FAILURE_PERSISTENCE=1 PROPTEST_MAX_SHRINK_ITERS=1 \
		$(CARGO) mutants --no-shuffle --iterate --output target/mutants $(MUTANTS)
