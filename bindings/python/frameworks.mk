# The tests of the Python package on the real frameworks; included after python.mk, which has the names used here.
# Each framework has its own cached virtual environment; `make -j2 python-frameworks` runs them side by side.

PYTHON_TESTS := $(PYTHON_DIR)/tests
PYTHON_EXAMPLES := $(PYTHON_DIR)/examples

.PHONY: python-frameworks python-jax python-tensorflow python-torch-debian python-torch-pypi

python-frameworks: python-jax python-tensorflow python-torch-debian python-torch-pypi ## The Python package on JAX, TensorFlow and PyTorch

python-jax: python-site ## JAX: the custom call, the fallback, the attacks against foolbox
	@venv=$$($(PYTHON_VENV) jax $(PYTHON)) \
		&& $(PYTHON_ENV) $$venv/bin/python $(PYTEST) $(PYTHON_TESTS)/test_jax.py $(PYTHON_TESTS)/test_jax_attacks.py \
		&& $(PYTHON_ENV) $$venv/bin/python $(PYTHON_EXAMPLES)/jax_digits.py --epochs 5 --plot $(PYTHON_BUILT)/jax_digits.png

python-tensorflow: python-site ## TensorFlow: eager, graphs, XLA, model.fit, the attacks against foolbox
	@venv=$$($(PYTHON_VENV) tensorflow $(PYTHON)) \
		&& $(PYTHON_ENV) $$venv/bin/python $(PYTEST) $(PYTHON_TESTS)/test_tensorflow.py $(PYTHON_TESTS)/test_tensorflow_attacks.py \
		&& $(PYTHON_ENV) $$venv/bin/python $(PYTHON_EXAMPLES)/tensorflow_digits.py --epochs 5 \
			--plot $(PYTHON_BUILT)/tensorflow_digits.png

python-torch-debian: python-site python-debian-torch ## PyTorch 1.13 of Debian, eager, and the attacks against torchattacks
	@venv=$$($(PYTHON_VENV) parity $(PYTHON_DEBIAN) --system-site-packages) \
		&& $(PYTHON_ENV) $$venv/bin/python $(PYTEST) $(PYTHON_TESTS)/test_torch.py $(PYTHON_TESTS)/test_torch_attacks.py

python-torch-pypi: python-site ## Today's PyTorch (5 GB, once): the operator, torch.compile, vmap
	@venv=$$($(PYTHON_VENV) torch $(PYTHON)) \
		&& $(PYTHON_ENV) $$venv/bin/python $(PYTEST) $(PYTHON_TESTS)/test_torch.py $(PYTHON_TESTS)/test_torch_attacks.py \
		&& $(PYTHON_ENV) $$venv/bin/python $(PYTHON_EXAMPLES)/torch_digits.py --epochs 5 --plot $(PYTHON_BUILT)/torch_digits.png
