# The whole of it: `make demo` shows memsync at work, `make test` proves it. Both set everything up.

.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough and can make virtual environments.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# The tests start hundreds of processes; without the compiled files each would compile all anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help:
	@echo "make demo    set up, then run memsync on a sample memory (no key needed)"
	@echo "make test    set up, then run the tests"
	@echo "make torture the long tests in full: kills, power cuts, fuzzing; an hour or two"
	@echo "make lint    ruff, mypy, import-linter"
	@echo "make lowest  most tests with the lowest versions allowed"
	@echo "make audit   look for known faults in these versions"
	@echo "make bench   the figures, each beside its peer"
	@echo "make docs    write the generated pages anew"
	@echo "make screenshots   the pictures of the docs, by a real browser"

$(VENV)/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Error: no Python 3.11 or newer with venv was found"; \
		echo "Try: install python3.11 and python3.11-venv, or make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready

.PHONY: demo
demo: setup
	@$(BIN)/python -m tests.support.demo start

.PHONY: demo-stop
demo-stop: setup
	@$(BIN)/python -m tests.support.demo stop

.PHONY: test
test: setup
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: torture
torture: setup
	MEMSYNC_TORTURE=1 $(BIN)/python -m pytest -s -m torture --durations=0
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet atheris \
		|| echo "atheris cannot be installed here: the bytes are drawn at random"
	$(BIN)/python -m tests.support.fuzz_parsers 60

.PHONY: lint
lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# uv is the one installer that can take the lowest versions; pip cannot.
LOWEST := .venv-lowest
UV := $(LOWEST)/tool/bin/uv
ROOMS := cli config files memory notes refresh targets text daemon/http daemon/intake daemon/pages \
	daemon/test_web.py daemon/test_capture.py

$(LOWEST)/.ready: pyproject.toml
	$(PYTHON) -m venv $(LOWEST)/tool
	$(LOWEST)/tool/bin/python -m pip install --quiet --disable-pip-version-check uv pip-audit
	$(UV) venv --quiet --clear --python $(PYTHON) $(LOWEST)/venv
	$(UV) pip install --quiet --python $(LOWEST)/venv --resolution lowest-direct --editable '.[dev]'
	@touch $@

.PHONY: lowest
lowest: $(LOWEST)/.ready
	$(LOWEST)/venv/bin/python -m pytest -n auto $(ROOMS:%=tests/%)

.PHONY: audit
audit: $(LOWEST)/.ready
	$(UV) pip compile --quiet --all-extras --resolution lowest-direct pyproject.toml -o $(LOWEST)/lowest.txt
	$(LOWEST)/tool/bin/pip-audit --disable-pip --no-deps --requirement $(LOWEST)/lowest.txt

.PHONY: bench
bench: setup
	$(BIN)/python -m bench

.PHONY: docs
docs: setup
	$(BIN)/python -m docs.generate

.PHONY: screenshots
screenshots: setup
	$(BIN)/python -m tests.support.screenshots

.PHONY: clean
clean:
	rm -rf $(VENV) $(LOWEST) .demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
