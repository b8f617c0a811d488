# The documentation: its site, and the checks of what stands on its pages. Included by the Makefile at the top, after python.mk,
# which has the names used here.

DOCS := target/docs
# From scratch every time, so that every warning is seen.
SPHINX := -m sphinx -E -a -c docs/site -d target/docs-cache -W --keep-going --quiet

.PHONY: docs docs-blocks
docs: docs-blocks python-site ## The site of the documentation: target/docs/index.html
	@.ci/tools doxygen
	@mkdir -p target/doxygen $(DOCS)
	@doxygen docs/site/Doxyfile
	@venv=$$($(PYTHON_VENV) docs $(PYTHON)) && $(PYTHON_ENV) $$venv/bin/python $(SPHINX) . $(DOCS)
	@page=$$(RUSTDOCFLAGS="$(DENY_WARNINGS)" $(CARGO) doc --no-deps --quiet --message-format=json-render-diagnostics \
		| grep -oE '"[^"]*/doc/hr_weights/index\.html"' | tr -d '"') \
		&& rm -rf $(DOCS)/rust && cp -r "$$(dirname "$$page")/.." $(DOCS)/rust
	@echo '<meta http-equiv="refresh" content="0; url=docs/index.html">' >$(DOCS)/index.html
	@echo "$(DOCS)/index.html"

docs-blocks: library python-site ## The code on every page, in C, C++ and the shell; the Python is a part of python-tests
	@$(PYTHON) benches/tables.py --check $(TABLE_CSV) $(CALLS_CSV) $(NUMBERS)
	@venv=$$($(PYTHON_VENV) core $(PYTHON)) && $(PYTHON_ENV) PATH="$$venv/bin:$$PATH" tests/docs/blocks.py $(RELEASE)
