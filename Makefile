# hr-weights. The two commands: `make demo` runs the main job on real data, `make test` passes the tests.
# Each installs what it needs; `make help` lists the rest; CONTRIBUTING.md says which target is for what.

CC ?= gcc
CARGO ?= cargo
# Where the libraries are put, whatever Cargo's own directory is (CARGO_TARGET_DIR,
# CARGO_BUILD_TARGET).
RELEASE := target/release
LIBRARY := $(RELEASE)/libhr_weights.a
BUILD := CARGO='$(CARGO)' bindings/c/packaging/build.sh
# What the static library needs of the system; see `cargo rustc --release --crate-type staticlib -- --print native-static-libs`.
SYSTEM_LIBS := -lpthread -ldl -lm
C_FLAGS = -std=c11 -Wall -Wextra $(STRICT) -pedantic -Iinclude
# The tests of the examples make it -Werror; a demonstration is not stopped by what a newer compiler warns of.
STRICT :=
DIGITS := $(wildcard bindings/c/examples/digits/*.c)
# Instruction sets whose kernels the whole suite is run on, beside the machine's own.
KERNELS := scalar portable avx2
# Each Rust brings new lints: those of one that is newer than this project knows are shown, and stop nobody.
DENY_WARNINGS = $(shell .ci/known-rust && echo -D warnings)

.PHONY: help library demo test test-all test-rest prepare lint rust-tests kernel-tests c-tests examples header clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

library: ## The shared and the static library, in target/release
	@$(BUILD) $(RELEASE) --release --crate-type cdylib,staticlib

demo: target/demo/digits ## On real digits, plain average against HR: where HR helps, and where it does not
	target/demo/digits

# What every change is tested with: each language and each framework once, for real. Two run at a time, in this order: what Cargo
# builds in one directory stands apart, and the frameworks after what can be tested while they are being installed.
TESTS := rust-tests python-tests cpp-tests python-lint python-torch c-tests python-tensorflow install-tests python-jax lint \
	python-examples docs embedded-tests bench-quick distributed-tests cpp-examples examples abi-check stress-quick
# What takes longer: every suite on every instruction set, random input, an emulated microcontroller, the oldest Python, an older
# PyTorch, more problems for the kernel of Triton, the authors' package, the packages of a release.
TESTS_REST := kernel-tests fuzz-quick stress embedded-qemu python-tools python-torch-eager python-parity python-triton experiments-quick \
	python-oldest-if-any python-package wheel-tests release-rehearsal package-contents cinstall-if-built

test: ## The tests of every language and framework, and a table of the seconds they took; docs/reliability.md has the rest
	@.ci/steps test prepare then python-site then $(TESTS)

test-all: ## `make test`, and then what takes longer
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory test-rest

test-rest: ## What `make test-all` has beside `make test`
	@.ci/steps test-rest prepare then python-debian-torch then python-site then $(TESTS_REST)

prepare: python-environments ## Installs what the tests need of Debian, and starts to install what the Python tests need
	@.ci/tools g++ valgrind cmake pkg-config doxygen

lint: ## Style and warnings of the Rust code, with and without std
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- $(DENY_WARNINGS)
	# Without std the crate needs core and libm alone; without ndarray its views are missing, and
	# nothing else.
	$(CARGO) rustc --quiet --lib --profile check --no-default-features -- $(DENY_WARNINGS)
	$(CARGO) clippy --all-targets --no-default-features --features std -- $(DENY_WARNINGS)
	RUSTDOCFLAGS="$(DENY_WARNINGS)" $(CARGO) doc --no-deps --quiet
	python3 tests/circles.py

rust-tests: ## The Rust suites, also without ndarray, and packages that depend on the crate
	$(CARGO) test
	$(CARGO) test --no-default-features --features std --test errors --test diagnostics
	$(CARGO) test --no-default-features --features std --doc
	tests/dependents.sh

kernel-tests: ## All Rust tests on the other instruction sets of this machine
	@for kernels in $(KERNELS); do \
		echo "kernels: $$kernels"; \
		HRW_KERNELS=$$kernels $(CARGO) test --target-dir target/kernels --lib --tests || exit 1; \
	done

c-tests: library ## The C contract, strict compilation, exported symbols, valgrind
	tests/c/run.sh $(RELEASE)

examples: STRICT = -Werror
examples: target/demo/digits target/demo/first ## The examples in C, which are compiled without a warning
	target/demo/first
	target/demo/digits --quick >target/demo/digits.txt && cat target/demo/digits.txt
	@python3 tests/docs/demo.py target/demo/digits.txt

target/demo/digits: library $(DIGITS)
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) -O3 -march=native -ffp-contract=fast -fno-math-errno $(DIGITS) $(LIBRARY) $(SYSTEM_LIBS) -o $@

target/demo/first: library bindings/c/examples/first.c
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) -O2 bindings/c/examples/first.c $(LIBRARY) $(SYSTEM_LIBS) -o $@

# Without an operating system; installing, C++ and its examples; benchmarks; Python; the site; what is run beside the usual tests.
include bindings/c/embedded.mk
include bindings/cpp/cpp.mk
include benches/bench.mk
include bindings/python/python.mk
include bindings/python/frameworks.mk
include bindings/python/distributed.mk
include bindings/python/experiments/experiments.mk
include docs/docs.mk
include tests/trust.mk
include tests/memory.mk
include fuzz/fuzz.mk

header: ## Writes include/hr_weights.h from src/capi
	HRW_WRITE_HEADER=1 $(CARGO) test --test header

clean: ## Removes everything that was built
	$(CARGO) clean
