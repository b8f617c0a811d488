# Random input against what makes an answer right. Part of the Makefile at the top.

FUZZ_TARGETS := weights batch structs sharded budgets
FUZZ_SECONDS ?= 600
CAMPAIGN ?= 100000000
CAMPAIGN_SEED ?= 1

.PHONY: fuzz-build fuzz fuzz-quick campaign

# cargo-fuzz wants options of the compiler that are not stable, hence the permission.
fuzz-build:
	@bin=$$(.ci/cargo-tool cargo-fuzz 0.13.2) && mkdir -p target && export PATH="$$bin:$$PATH" RUSTC_BOOTSTRAP=1 \
		CARGO_TARGET_DIR="$(CURDIR)/target/fuzz" && cd fuzz && $(CARGO) fuzz build 2>../target/fuzz-build.log \
		|| { cat target/fuzz-build.log; exit 1; }

fuzz: fuzz-build ## Fuzzes every target under AddressSanitizer: FUZZ_SECONDS=600 each; what it finds is in target/fuzz/found
	@for name in $(FUZZ_TARGETS); do fuzz/run.sh target/fuzz $$name $(FUZZ_SECONDS) || exit 1; done

# The same inputs every time: whoever changes something else is not to be stopped by a find.
fuzz-quick: fuzz-build
	@for name in $(FUZZ_TARGETS); do fuzz/run.sh target/fuzz $$name again 10000 || exit 1; done

campaign: ## Random problems of at most 32 samples against the slow reference: CAMPAIGN=100000000, CAMPAIGN_SEED=1
	HRW_CAMPAIGN=$(CAMPAIGN) HRW_CAMPAIGN_SEED=$(CAMPAIGN_SEED) HRW_CAMPAIGN_THREADS=$$(nproc) \
		$(CARGO) test --release --test campaign -- --nocapture
