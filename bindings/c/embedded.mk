# The static library without std, for machines without an operating system, and its tests: docs/embedded.md. Part of the
# Makefile at the top.

EMBEDDED := target/embedded/libhr_weights.a
# With std and the same kernels, to compare with.
SCALAR := target/scalar/release/libhr_weights.a

.PHONY: embedded embedded-archive embedded-tests embedded-qemu scalar-library neon-tests

embedded: embedded-archive ## The static library without std, for this machine and for a Cortex-M4F
	@echo "$(EMBEDDED)"
	@status=0; bindings/c/packaging/cortex-m4.sh || status=$$?; \
	if [ $$status -eq 3 ]; then echo "skipped: the Cortex-M4F, for want of a Rust that builds for it (see above)"; \
	else exit $$status; fi

embedded-archive:
	@$(BUILD) $(dir $(EMBEDDED)) --quiet --profile embedded --no-default-features --features panic-handler --crate-type staticlib

scalar-library:
	@HRW_KERNELS=scalar $(BUILD) $(dir $(SCALAR)) --quiet --release --crate-type staticlib --target-dir target/scalar

embedded-tests: embedded-archive scalar-library ## The library without std on this machine: same bits, small code, small stack
	tests/embedded/run.sh host $(EMBEDDED) $(SCALAR)

embedded-qemu: scalar-library ## The same in firmware on an emulated Cortex-M4F, if the tools can be had
	tests/embedded/qemu.sh $(SCALAR)

neon-tests: ## The tests of the solver on NEON, in an emulator, if the tools can be had
	tests/neon.sh
