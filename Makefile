# Two commands do all the set-up on a machine with Python 3.11 or newer and make:
#   make demo   build the default fixture, verify it, load it, train one step on it
#   make test   every check and test that CI runs
# Both keep their environment in .venv and reuse it the next time.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Used only where no torch is installed yet; the package itself allows torch>=2.2.
TORCH ?= torch==2.13.0

# Keep compiled modules, whatever the shell says: the tests start hundreds of processes,
# and each would compile the package again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test docs coverage mutants fuzz lint format bench compat concurrency faults clean
.DEFAULT_GOAL := test

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/torch.stamp: | $(BIN)/python
	@$(BIN)/python -c "import torch" 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet "$(TORCH)"
	@touch $@

$(VENV)/demo.stamp: pyproject.toml $(VENV)/torch.stamp
	$(BIN)/python -m pip install --quiet --editable ".[torch]"
	@touch $@

$(VENV)/test.stamp: pyproject.toml $(VENV)/torch.stamp
	$(BIN)/python -m pip install --quiet --editable ".[all]" --group dev
	@touch $@ $(VENV)/demo.stamp

demo: $(VENV)/demo.stamp
	$(BIN)/python tools/demo.py

# A file's tests run in one process, so that what they share is made once.
PYTEST := -m pytest -n auto --dist loadfile

test: lint
	$(BIN)/python $(PYTEST)

# All of it to 95 %; formats, the loader and the EDF reader to the last branch.
coverage: $(VENV)/test.stamp
	$(BIN)/coverage erase
	READ_HERE=1 $(BIN)/coverage run $(PYTEST)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/coverage report --fail-under=100 --include "src/bgb_fixtures/format/layout.py,\
	src/bgb_fixtures/format/map.py,src/bgb_fixtures/format/records.py,src/bgb_fixtures/format/hdf5.py,\
	src/bgb_fixtures/verify.py,src/bgb_fixtures/fixture.py,\
	src/bgb_fixtures/edf/records.py,src/bgb_fixtures/edf/header.py,\
	src/bgb_fixtures/edf/source.py,src/bgb_fixtures/golden/npz.py"

# The site, in build/docs; a warning, such as a link to nowhere, is an error.
docs: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --fresh-env -b html docs build/docs

mutants: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --group mutants
	$(BIN)/python tools/mutate.py build/mutants

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers auto
	$(BIN)/codespell

format: $(VENV)/test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# As long as you like, and other inputs with another seed: make fuzz SECONDS=600 SEED=1
SECONDS ?= 60
SEED ?= 0
fuzz: $(VENV)/test.stamp
	$(BIN)/python tools/fuzz.py --seconds $(SECONDS) --seed $(SEED)

bench: $(VENV)/test.stamp
	$(BIN)/python tools/bench.py

compat: $(VENV)/test.stamp
	$(BIN)/python tools/compat.py

concurrency: $(VENV)/test.stamp
	$(BIN)/python tools/concurrency.py

faults: $(VENV)/test.stamp
	$(BIN)/python tools/faults.py

clean:
	rm -rf $(VENV) build dist .coverage* .mypy_cache .ruff_cache .pytest_cache
