# The paper's experiments in small; included after frameworks.mk. PyTorch comes from its own environment, the progress bar
# and the images from a small one beside it. The authors' package runs in theirs, with Debian's PyTorch.

EXPERIMENTS := $(PYTHON_DIR)/experiments
EXPERIMENTS_CSV := $(EXPERIMENTS)/results
EXPERIMENTS_QUICK := $(PYTHON_BUILT)/experiments
# One thread for each of two processes. What the small environment has is Python alone, for any version.
EXPERIMENTS_ENV = OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 \
	PYTHONPATH='$(abspath $(PYTHON_SITE))':$$(echo $$($(PYTHON_VENV) experiments $(PYTHON))/lib/python3*/site-packages)

.PHONY: experiments experiments-runs experiments-authors experiments-page experiments-when experiments-when-runs \
	experiments-when-page experiments-quick

experiments: experiments-runs experiments-authors experiments-page ## The paper's experiments on MNIST, beside the authors' package; continues

experiments-runs: python-site ## The trainings that the results do not have yet
	@venv=$$($(PYTHON_VENV) torch $(PYTHON)) && $(EXPERIMENTS_ENV) $$venv/bin/python $(EXPERIMENTS)/run.py $(EXPERIMENTS_CSV)/runs.csv

experiments-authors: python-site python-debian-torch ## The same training with the authors' package and ours: time and result
	@venv=$$($(PYTHON_VENV) parity $(PYTHON_DEBIAN) --system-site-packages) \
		&& $(EXPERIMENTS_ENV) $$venv/bin/python $(EXPERIMENTS)/authors.py $(EXPERIMENTS_CSV)/authors.csv

# Another machine's results may not bear out every sentence of the page: then it is to be changed, and claims.py with it.
experiments-page: python-site ## The tables and the pictures of docs/experiments.md, from the results; what of its text they contradict
	@venv=$$($(PYTHON_VENV) core $(PYTHON)) && export $(PYTHON_ENV) && $$venv/bin/python $(EXPERIMENTS)/tables.py $(EXPERIMENTS_CSV) \
		&& $$venv/bin/python $(EXPERIMENTS)/pictures.py $(EXPERIMENTS_CSV) docs/images
	-@venv=$$($(PYTHON_VENV) core $(PYTHON)) && export $(PYTHON_ENV) && $$venv/bin/python $(EXPERIMENTS)/claims.py $(EXPERIMENTS_CSV)

# scikit-learn, whose sets have the rare classes and groups, is in the environment of the tools, which sees PyTorch.
experiments-when: experiments-when-runs experiments-when-page ## When HR pays: TRADES and MART under it, schedules, rare groups, calibration; continues

experiments-when-runs: python-site
	@venv=$$($(PYTHON_VENV) tools $(PYTHON)) && $(EXPERIMENTS_ENV) $$venv/bin/python $(EXPERIMENTS)/when.py $(EXPERIMENTS_CSV)/when.csv

experiments-when-page: python-site ## The tables of docs/when.md, from the results; what of its text they contradict
	@venv=$$($(PYTHON_VENV) core $(PYTHON)) && export $(PYTHON_ENV) \
		&& $$venv/bin/python $(EXPERIMENTS)/when_tables.py $(EXPERIMENTS_CSV)/when.csv
	-@venv=$$($(PYTHON_VENV) core $(PYTHON)) && export $(PYTHON_ENV) \
		&& $$venv/bin/python $(EXPERIMENTS)/when_claims.py $(EXPERIMENTS_CSV)/when.csv

experiments-quick: python-site python-debian-torch ## Every experiment's code at tiny sizes, every table and picture, in target/python/experiments
	@rm -rf $(EXPERIMENTS_QUICK)
	@venv=$$($(PYTHON_VENV) torch $(PYTHON)) && $(EXPERIMENTS_ENV) $$venv/bin/python $(EXPERIMENTS)/run.py --quick $(EXPERIMENTS_QUICK)/runs.csv
	@venv=$$($(PYTHON_VENV) parity $(PYTHON_DEBIAN) --system-site-packages) \
		&& $(EXPERIMENTS_ENV) $$venv/bin/python $(EXPERIMENTS)/authors.py --quick $(EXPERIMENTS_QUICK)/authors.csv
	@venv=$$($(PYTHON_VENV) core $(PYTHON)) && export $(PYTHON_ENV) \
		&& $$venv/bin/python $(EXPERIMENTS)/tables.py $(EXPERIMENTS_QUICK) --page $(EXPERIMENTS_QUICK)/experiments.md \
		&& $$venv/bin/python $(EXPERIMENTS)/pictures.py $(EXPERIMENTS_QUICK) $(EXPERIMENTS_QUICK)
	@venv=$$($(PYTHON_VENV) tools $(PYTHON)) && $(EXPERIMENTS_ENV) $$venv/bin/python $(EXPERIMENTS)/when.py --quick $(EXPERIMENTS_QUICK)/when.csv
	@venv=$$($(PYTHON_VENV) core $(PYTHON)) && export $(PYTHON_ENV) \
		&& $$venv/bin/python $(EXPERIMENTS)/when_tables.py $(EXPERIMENTS_QUICK)/when.csv --page $(EXPERIMENTS_QUICK)/when.md
