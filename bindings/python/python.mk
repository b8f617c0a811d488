# Python targets; included by the Makefile at the root of the repository, where the paths start.
# Virtual environments are cached, keyed by their requirements: see bindings/python/tests/venv.

PYTHON ?= python3
# pyenv's, whose command may be there without working, or the one on the path.
PYTHON_OLDEST ?= $(or $(lastword $(sort $(wildcard $(HOME)/.pyenv/versions/3.9.*/bin/python3.9))),python3.9)
# Debian's Python, which sees Debian's python3-torch.
PYTHON_DEBIAN := /usr/bin/python3
PYTHON_DIR := bindings/python
PYTHON_VENV := $(PYTHON_DIR)/tests/venv
# What a user installs, unpacked: the tests run on this, not on the source directory.
PYTHON_BUILT := target/python
PYTHON_SITE := $(PYTHON_BUILT)/site
PYTHON_ENV = PYTHONPATH='$(abspath $(PYTHON_SITE))' PYTHONDONTWRITEBYTECODE=1
PYTEST := -m pytest -q -p no:cacheprovider --rootdir $(PYTHON_DIR) -c $(PYTHON_DIR)/pyproject.toml

.PHONY: pictures python-site python-tests python-oldest python-oldest-if-any python-lint python-demo python-package \
	wheel wheel-tests python-venv python-debian-torch python-parity python-torch-eager python-tools python-triton python-bench

# Nothing is done where nothing is newer than what was unpacked: two targets of `make test` may use it at a time.
python-site: library
	@venv=$$($(PYTHON_VENV) core $(PYTHON)) && mkdir -p $(PYTHON_BUILT) && exec 9>$(PYTHON_BUILT)/site.lock && flock 9 \
		&& if [ ! -e $(PYTHON_SITE)/complete ] || [ -n "$$(find $(LIBRARY_SHARED) $(PYTHON_DIR)/*.* $(PYTHON_DIR)/hr_weights \
			-newer $(PYTHON_SITE)/complete)" ]; then \
			rm -rf $(PYTHON_BUILT)/wheel $(PYTHON_SITE) \
			&& $$venv/bin/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir $(PYTHON_BUILT)/wheel ./$(PYTHON_DIR) \
			&& $$venv/bin/pip install --quiet --no-deps --target $(PYTHON_SITE) $(PYTHON_BUILT)/wheel/*.whl \
			&& touch $(PYTHON_SITE)/complete; \
		fi

python-tests: python-site ## The Python package: the NumPy core, the plots, the example, the guide; a warning fails them
	@venv=$$($(PYTHON_VENV) core $(PYTHON)) \
		&& $(PYTHON_ENV) $$venv/bin/python -X dev -W error $(PYTEST) $(PYTHON_DIR)/tests

python-oldest: python-site ## The same tests on the oldest Python and NumPy; PYTHON_OLDEST names it
	@venv=$$($(PYTHON_VENV) oldest $(PYTHON_OLDEST)) && $(PYTHON_ENV) $$venv/bin/python $(PYTEST) $(PYTHON_DIR)/tests

python-oldest-if-any:
	@if $(PYTHON_OLDEST) -c '' 2>/dev/null; then $(MAKE) --no-print-directory python-oldest; \
		else echo "python-oldest: not run, since there is no $(PYTHON_OLDEST)"; fi

# Makes mypy take the package for an installed one, as a user has it: no settings of ours hold then.
PYTHON_USER = PYTHONPATH='$(abspath $(PYTHON_DIR))'

python-lint: ## Types and style of the Python package
	@venv=$$($(PYTHON_VENV) lint) && $$venv/bin/ruff check --no-cache $(PYTHON_DIR) \
		&& $$venv/bin/ruff check --no-cache --config $(PYTHON_DIR)/pyproject.toml --config 'src = ["$(PYTHON_DIR)"]' docs \
		&& $$venv/bin/mypy --config-file $(PYTHON_DIR)/pyproject.toml --cache-dir $(PYTHON_BUILT)/mypy \
			$(PYTHON_DIR)/hr_weights $(PYTHON_DIR)/examples $(PYTHON_DIR)/experiments \
		&& $(PYTHON_USER) $$venv/bin/mypy --strict --cache-dir $(PYTHON_BUILT)/mypy-user $(PYTHON_DIR)/tests/typed

python-demo: python-site ## Trains in NumPy on real digits with wrong labels; writes target/python/numpy_digits.png
	@venv=$$($(PYTHON_VENV) core $(PYTHON)) \
		&& $(PYTHON_ENV) $$venv/bin/python $(PYTHON_DIR)/examples/numpy_digits.py --plot $(PYTHON_BUILT)/numpy_digits.png

pictures: python-site ## The pictures of the documentation, in docs/images
	@venv=$$($(PYTHON_VENV) core $(PYTHON)) && $(PYTHON_ENV) $$venv/bin/python docs/pictures.py

python-package: ## The Python package as users get it: from a checkout, editable, from the source distribution
	PYTHON=$(PYTHON) $(PYTHON_DIR)/tests/package.sh $(PYTHON_BUILT)/package

# Such as x86_64-unknown-linux-musl: see bindings/python/wheel.sh.
WHEEL_TARGETS ?=
wheel: python-venv ## A wheel for any Linux of the last ten years, in target/wheel; others: WHEEL_TARGETS=
	@PYTHON=$(PYTHON) $(PYTHON_DIR)/wheel.sh target/wheel $(WHEEL_TARGETS)

wheel-tests: python-venv ## Wheels for glibc and musl, x86-64 and aarch64: their tags are true; installs this machine's without Rust
	@PYTHON=$(PYTHON) $(PYTHON_DIR)/tests/wheels.sh target/wheel-tests $(WHEEL_TARGETS)

# Debian has the parts of Python that make an environment in a package of their own.
python-venv:
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || .ci/tools python3-venv

python-debian-torch:
	@$(PYTHON_DEBIAN) -c 'import torch, venv, ensurepip' 2>/dev/null || .ci/tools python3-torch python3-venv

python-parity: python-site python-debian-torch ## The authors' package and ours, step by step; how many times faster
	@venv=$$($(PYTHON_VENV) parity $(PYTHON_DEBIAN) --system-site-packages) \
		&& $(PYTHON_ENV) $$venv/bin/python $(PYTEST) \
			$(PYTHON_DIR)/tests/test_parity.py $(PYTHON_DIR)/tests/test_compat_torch.py

python-torch-eager: python-site python-debian-torch ## PyTorch 1.13 of Debian, without a compiler
	@venv=$$($(PYTHON_VENV) parity $(PYTHON_DEBIAN) --system-site-packages) && $(PYTHON_ENV) $$venv/bin/python $(PYTEST) \
		$(PYTHON_DIR)/tests/test_torch*.py $(PYTHON_DIR)/tests/test_compat_torch.py $(PYTHON_DIR)/tests/test_docs.py

# The current release of each framework; PyTorch's is 5 GB.
PYTHON_FRAMEWORKS := python-torch python-jax python-tensorflow
# Keras on its own back end; on the others it is one of the tools.
KERAS_TESTS := $(PYTHON_DIR)/tests/test_keras.py \
	'$(PYTHON_DIR)/tests/test_tools.py::test_the_robust_loss_is_lower_than_with_the_plain_mean[with_keras]'
python-tensorflow: MORE_TESTS = $(KERAS_TESTS)
.PHONY: $(PYTHON_FRAMEWORKS)
$(PYTHON_FRAMEWORKS): python-%: python-site
	@venv=$$($(PYTHON_VENV) $* $(PYTHON)) \
		&& $(PYTHON_ENV) $$venv/bin/python $(PYTEST) \
			$(PYTHON_DIR)/tests/test_$**.py $(PYTHON_DIR)/tests/test_compat*.py $(PYTHON_DIR)/tests/test_docs.py $(MORE_TESTS)

python-triton: python-site ## The kernel for GPUs, interpreted on the CPU, on a quarter of the table
	@venv=$$($(PYTHON_VENV) torch $(PYTHON)) && TRITON_INTERPRET=1 HRW_TABLE_EVERY=4 $(PYTHON_ENV) $$venv/bin/python \
		$(PYTEST) $(PYTHON_DIR)/tests/triton_interpreted.py

# The recipes for other tools, the estimators for scikit-learn, and the experiments that use its sets. Two processes of PyTorch on two
# processors: one thread each.
python-tools: python-site ## Lightning, Hugging Face, skorch, Flax, Keras on JAX and PyTorch, XGBoost, LightGBM, CatBoost, scikit-learn, SciPy
	@venv=$$($(PYTHON_VENV) tools $(PYTHON)) && export OMP_NUM_THREADS=1 \
		&& KERAS_BACKEND=jax $(PYTHON_ENV) $$venv/bin/python $(PYTEST) $(PYTHON_DIR)/tests/test_sklearn.py \
			$(PYTHON_DIR)/tests/test_tools.py $(PYTHON_DIR)/tests/test_keras.py $(PYTHON_DIR)/tests/test_docs.py \
			$(PYTHON_DIR)/tests/test_when.py \
		&& KERAS_BACKEND=torch $(PYTHON_ENV) $$venv/bin/python $(PYTEST) $(KERAS_TESTS)

# Whose rows of the table in docs/performance.md are measured; the others stay.
BENCH_FRAMEWORKS ?= numpy torch jax tensorflow
python-bench: python-site ## What a call from Python costs in every framework, and the table in docs/performance.md
	@for name in $(BENCH_FRAMEWORKS); do \
		venv=$$($(PYTHON_VENV) $$(echo $$name | sed s/numpy/core/) $(PYTHON)) \
			&& $(PYTHON_ENV) $$venv/bin/python $(PYTHON_DIR)/tests/bench_calls.py $$name benches/results || exit 1; \
	done
	@$(PYTHON) benches/tables.py $(TABLE_CSV) $(lastword $(sort $(wildcard benches/results/*-calls.csv) $(RESULTS)-calls.csv)) \
		$(NUMBERS)
