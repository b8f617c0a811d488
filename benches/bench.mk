# Benchmarks. BENCH_ARGS adds to the command line of the table, such as --huge (10^8 losses, some 10 GB of memory).

# A place for results that carries the date.
RESULTS := benches/results/$(shell date +%F)
BENCH := $(CARGO) run --release --quiet --manifest-path benches/Cargo.toml --target-dir target/bench
LIBRARY_SHARED := $(RELEASE)/libhr_weights.so
AUTHORS := target/authors-env
PLOTS := target/plot-env
TABLE := $(BENCH) --bin table -- --library $(LIBRARY_SHARED)
# torch.softmax is that of the newest release of PyTorch, in the environment of its tests, or of an interpreter that is named here.
TORCH_PYTHON ?=
WITH_TORCH = torch=$(or $(TORCH_PYTHON),$$($(PYTHON_VENV) torch $(PYTHON))/bin/python) && $(TABLE) --python "$$torch"

.PHONY: bench bench-quick bench-authors bench-budgets bench-plots callgrind

bench: library python-venv ## The table: everybody's time and error, and the targets; some minutes on a quiet machine
	$(WITH_TORCH) --command "make bench" --csv $(RESULTS)-table.csv $(BENCH_ARGS)

bench-authors: library python-venv ## The same with the authors' package, in an environment of its own (needs python3-torch)
	benches/authors/setup.sh $(AUTHORS)
	$(WITH_TORCH) --authors $(AUTHORS)/bin/python --command "make bench-authors" --csv $(RESULTS)-table.csv $(BENCH_ARGS)

bench-quick: library ## The table at tiny sizes: checks that everybody's answers agree
	$(TABLE) --quick
	$(BENCH) --bin budgets -- $(LIBRARY_SHARED) 32

bench-budgets: library ## What budgets and chance do to the time of a call, over 60 random vectors; half a minute
	$(BENCH) --bin budgets -- $(LIBRARY_SHARED) 32 128 512 1024 2048 4096

# The newest tables, unless others are named: of the library, and of calls from Python (`make python-bench`).
TABLE_CSV ?= $(lastword $(sort $(wildcard benches/results/*-table.csv)))
CALLS_CSV ?= $(lastword $(sort $(wildcard benches/results/*-calls.csv)))

# Pages that have tables of numbers.
NUMBERS := README.md docs/performance.md

bench-plots: ## The pictures and the numbers of the README and of docs/performance.md, from the newest tables
	python3 benches/tables.py $(TABLE_CSV) $(CALLS_CSV) $(NUMBERS)
	test -e $(PLOTS)/bin/python || python3 -m venv $(PLOTS)
	$(PLOTS)/bin/pip install --quiet --disable-pip-version-check 'matplotlib>=3.8'
	$(PLOTS)/bin/python benches/plot.py $(TABLE_CSV) docs/images

callgrind: library ## Instructions of a call, under valgrind
	@.ci/tools valgrind
	$(CARGO) build --release --quiet --manifest-path benches/Cargo.toml --target-dir target/bench --bin calls
	benches/callgrind.sh $(LIBRARY_SHARED) target/bench/release/calls $(RESULTS)-callgrind.csv

# Sharded problems: rounds, bytes and computation for 2 to 1,024 participants in one process.
.PHONY: bench-ranks bench-ranks-quick
target/demo/ranks: library benches/ranks.c
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) -O2 benches/ranks.c $(LIBRARY) $(SYSTEM_LIBS) -o $@

bench-ranks: target/demo/ranks ## What a problem over 2 to 1,024 participants costs; half a minute
	target/demo/ranks >$(RESULTS)-ranks.csv && cat $(RESULTS)-ranks.csv

bench-ranks-quick: target/demo/ranks
	@timeout 600 target/demo/ranks --quick >target/demo/ranks.csv && tail -n 1 target/demo/ranks.csv
