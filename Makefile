# hr-weights. The two commands: `make demo` runs the main job on real data, `make test` passes the tests.
# Each installs what it needs; `make help` lists the rest.

CC ?= gcc
CARGO ?= cargo
# Where the libraries are put, whatever Cargo's own directory is (CARGO_TARGET_DIR,
# CARGO_BUILD_TARGET).
RELEASE := target/release
LIBRARY := $(RELEASE)/libhr_weights.a
BUILD := CARGO='$(CARGO)' bindings/c/packaging/build.sh
# What the static library needs of the system; see `cargo rustc --release --crate-type staticlib -- --print native-static-libs`.
SYSTEM_LIBS := -lpthread -ldl -lm
C_FLAGS := -std=c11 -Wall -Wextra -Werror -pedantic -Iinclude
DIGITS := $(wildcard bindings/c/examples/digits/*.c)
# Instruction sets whose kernels the whole suite is run on, beside the machine's own.
KERNELS := scalar portable avx2

.PHONY: help library demo test tools lint rust-tests kernel-tests c-tests examples header clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

library: ## The shared and the static library, in target/release
	@$(BUILD) $(RELEASE) --release --crate-type cdylib,staticlib

demo: target/demo/digits ## Trains a network in C on real digits with wrong labels: plain against HR
	target/demo/digits

test: tools python-environments ## All tests
test: lint rust-tests kernel-tests c-tests stress-quick abi-check fuzz-quick examples cpp-tests install-tests cpp-examples bench-quick embedded-tests
test: python-lint python-tests docs python-oldest-if-any python-package python-frameworks distributed-tests

tools:
	@.ci/tools valgrind cmake

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	# Without std the crate needs core and libm alone; without ndarray its views are missing, and
	# nothing else.
	$(CARGO) rustc --quiet --lib --profile check --no-default-features -- -D warnings
	$(CARGO) clippy --all-targets --no-default-features --features std -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --quiet

rust-tests: ## The Rust suites, also without ndarray, and packages that depend on the crate
	$(CARGO) test
	$(CARGO) test --no-default-features --features std --test errors --test diagnostics
	$(CARGO) test --no-default-features --features std --doc
	tests/dependents.sh

kernel-tests: ## The tests of the solver on the other instruction sets of this machine
	@for kernels in $(KERNELS); do \
		echo "kernels: $$kernels"; \
		HRW_KERNELS=$$kernels $(CARGO) test --target-dir target/kernels --lib --test accuracy --test properties --test errors --test sizes \
			|| exit 1; \
	done

c-tests: library ## The C contract, strict compilation, exported symbols, valgrind
	tests/c/run.sh $(RELEASE)

examples: target/demo/digits target/demo/first
	target/demo/first
	target/demo/digits --quick

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
