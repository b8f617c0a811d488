# What is run beside the usual tests, so that the library can be relied on: docs/reliability.md. Part of the Makefile at the top.

SECONDS ?= 60

.PHONY: stress stress-quick abi-check abi-snapshot package-contents supply-chain portability release-rehearsal

stress: library ## 64 threads, signals, forks, dlopen; then the data races that ThreadSanitizer sees: SECONDS=60
	tests/c/stress.sh $(RELEASE) $(SECONDS)
	tests/races.sh

stress-quick: library
	tests/c/stress.sh $(RELEASE) 5

abi-check: library ## The binary interface against that of each release; the Rust interface against the last tag (or BASELINE=)
	tests/install/abi.sh check $(RELEASE)
	tests/semver.sh $(BASELINE)

abi-snapshot: ## Writes the snapshot of the present version's binary interface, on a release
	tests/install/abi.sh write $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1)

# Hatchling comes with what the Python tests need.
package-contents: ## The files of the crate and of the Python source distribution
	@venv=$$($(PYTHON_VENV) core $(PYTHON)) && tests/package/contents.sh $$venv/bin/python

supply-chain: package-contents ## Licences and versions of what is depended on, oldest Rust, contents of the packages, the same bytes twice
	tests/package/deny.sh
	tests/package/versions.sh
	tests/package/reproducible.sh

# That the default, x86-64 without AVX, is served as well is part of `make kernel-tests`: nothing here sets target-cpu.
portability: ## 32 bits, natively, and big-endian, in an emulator; the crate compiled for eighteen other targets
	tests/foreign.sh i686-unknown-linux-gnu
	tests/foreign.sh s390x-unknown-linux-gnu
	tests/targets.sh

release-rehearsal: library ## All files of a release, made and used as a stranger would; nothing is published
	PYTHON=$(PYTHON) tests/package/release.sh target/release-candidate
