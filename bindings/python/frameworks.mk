# The pages for the frameworks, and all of their tests by one name; included after python.mk, which has the names used here.

# Training takes seconds; CI only needs to see that the pages run.
EXAMPLE_OPTIONS ?= --epochs 5

.PHONY: python-frameworks python-torch-debian python-torch-pypi
python-torch-debian: python-torch-eager
python-torch-pypi: python-torch

python-frameworks: python-torch-debian python-torch-pypi python-jax python-tensorflow ## Tests on the real frameworks; use -j2

PYTHON_PAGES := python-example-torch python-example-jax python-example-tensorflow
.PHONY: python-examples $(PYTHON_PAGES)
python-examples: $(PYTHON_PAGES) ## Trains on real digits with wrong labels in every framework; writes target/python/*_digits.png

$(PYTHON_PAGES): python-example-%: python-site
	@venv=$$($(PYTHON_VENV) $* $(PYTHON)) && $(PYTHON_ENV) $$venv/bin/python $(PYTHON_DIR)/examples/$*_digits.py \
		$(EXAMPLE_OPTIONS) --plot $(PYTHON_BUILT)/$*_digits.png
