# Lexmill: `make demo` shows the product, `make test` proves it.  Nothing needs installing by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
EXTRAS := '.[dev,dask,postgres,romanize]'
PYTEST := $(BIN)/python -m pytest

.PHONY: install demo test test-slow test-browser test-postgres lint format bench clean help

help:
	@echo "make demo           install, run the demo pipeline on real text, print where its page is"
	@echo "make test           install, run the test suite (the one CI runs)"
	@echo "make lint           format check, lint, types, layers"
	@echo "make test-slow      long tests: kills at every stage, the whole demo twice"
	@echo "make test-browser   the Prefect UI in Debian's Chromium"
	@echo "make test-postgres  Prefect's server on Debian's PostgreSQL"
	@echo "make bench          measurements against peers"

install: $(STAMP)

# pip installs torch (it knows where the CPU build is), uv the rest (seconds instead of a minute);
# where uv cannot reach the registry (own certificates, a proxy), pip does it all
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Lexmill needs Python 3.11 or newer; name it with make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "python3 -m venv failed: install Debian's python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv torch
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e $(EXTRAS) || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e $(EXTRAS)
	@touch $(STAMP)

demo: install
	$(BIN)/lexmill run demo

test: install
	$(PYTEST) -n 2 --dist loadgroup -m "not slow and not browser and not postgres"

test-slow: install
	$(PYTEST) -m "slow and not browser and not postgres"

test-browser: install
	$(PYTEST) -m browser

test-postgres: install
	$(PYTEST) -m postgres

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# DOCUMENTS: Parquet with the columns id, text, language; by default what the demo ingested
DOCUMENTS ?= $(firstword $(wildcard warehouse/data/documents/demo/*/documents.parquet))

bench: install
	@test -n "$(DOCUMENTS)" || { echo "run make demo first, or name documents: make bench DOCUMENTS=file.parquet"; exit 1; }
	$(BIN)/python benchmarks/bpe.py $(DOCUMENTS)
	$(BIN)/python benchmarks/mixture.py trials $(DOCUMENTS) --min-megabytes 0.3 --vocab 8000 --trials 5

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist *.egg-info
