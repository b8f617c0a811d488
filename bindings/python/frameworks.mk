# The pages for the frameworks, and all of their tests by one name; included after python.mk, which has the names used here.

# Such as --epochs 5.
EXAMPLE_OPTIONS ?=

.PHONY: python-environments python-frameworks
python-frameworks: python-torch python-torch-eager python-parity ## Tests and pages on the real frameworks, all of them
python-frameworks: python-jax python-tensorflow python-examples experiments-quick

# Installing takes minutes, mostly for the network and the disk: `make test` starts it in the background, two at a time, and
# compiles meanwhile. Who needs an environment waits for its lock; one that failed is tried again there, in the open.
python-environments: python-venv ## Starts to install what the Python tests need; the log is target/python/environments.log
	@mkdir -p $(PYTHON_BUILT)
	@printf '%s\n' 'core $(PYTHON)' 'torch $(PYTHON)' lint 'tensorflow $(PYTHON)' 'jax $(PYTHON)' 'docs $(PYTHON)' \
		'distributed $(PYTHON)' \
		| nohup xargs -P 2 -L 1 $(PYTHON_VENV) >$(PYTHON_BUILT)/environments.log 2>&1 &

PYTHON_PAGES := python-example-torch python-example-jax python-example-tensorflow
.PHONY: python-examples $(PYTHON_PAGES)
python-examples: $(PYTHON_PAGES) ## Trains on real digits with wrong labels in every framework; writes target/python/*_digits.png

$(PYTHON_PAGES): python-example-%: python-site
	@venv=$$($(PYTHON_VENV) $* $(PYTHON)) && $(PYTHON_ENV) $$venv/bin/python $(PYTHON_DIR)/examples/$*_digits.py \
		$(EXAMPLE_OPTIONS) --plot $(PYTHON_BUILT)/$*_digits.png
