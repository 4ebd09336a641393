# `make run` and `make test` each take a fresh clone on a machine with Python and make to the finished job.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: run test nightly coverage bench lint docs clean

run: $(VENV)/installed
	$(BIN)/fabbench run $(ARGS)

# One process more than cores: tests on the Slurm cluster mostly wait.
test: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $$(($$(nproc) + 1)) --dist loadgroup --no-loadscope-reorder $(ARGS)

nightly: $(VENV)/installed-test
	$(BIN)/python -m pytest -m nightly $(ARGS)

coverage: $(VENV)/installed-test
	$(BIN)/python -m pytest --cov --cov-report=term --cov-report=html $(ARGS)

bench: $(VENV)/installed-test
	$(BIN)/python -m pytest -o addopts="" tests/benchmarks --benchmark-columns=min,median,max,rounds $(ARGS)

lint: $(VENV)/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed-test
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site htmlcov .coverage* *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fab-bench needs Python 3.11 or newer; name one with make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/installed-test: pyproject.toml constraints.txt $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@
