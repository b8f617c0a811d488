# Undefined behaviour and memory, and tests of the tests: docs/reliability.md. Part of the Makefile at the top.

# Such as --file src/trim.rs, or --shard 1/8; see `cargo mutants --help`.
MUTANTS ?=

.PHONY: miri sanitizers mutants

miri: ## The solver and the C interface in Miri, if the toolchain has it
	tests/miri.sh

sanitizers: ## The Rust tests under AddressSanitizer and LeakSanitizer; the C tests under those of the C compiler are part of c-tests
	tests/sanitizers.sh

mutants: ## Changes the source in every small way, and expects a test to fail; hours: MUTANTS='--shard 1/8'
	@bin=$$(.ci/cargo-tool cargo-mutants 27.1.0) && PATH="$$bin:$$PATH" $(CARGO) mutants --no-shuffle --output target/mutants \
		--cargo-arg=--lib --cargo-arg=--test=accuracy --cargo-arg=--test=errors --cargo-arg=--test=properties \
		--cargo-arg=--test=limits $(MUTANTS)
