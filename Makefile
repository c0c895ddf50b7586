# `make demo` and `make test` work on a fresh machine with Python >= 3.11; `make` alone lists all targets.
# pip's own settings (index, mirror, proxy, certificates) apply to every install here.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := benchmarks/peers/.venv
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
CHECKED := src tests benchmarks examples scripts

.DEFAULT_GOAL := help
.PHONY: help demo test check fmt peers bench bench-quick bench-page docs build golden-update docs-update clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo-installed ## fetch ml-100k, train two models, evaluate, recommend, save, write a report
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/demo.py

test: $(VENV)/.all-installed ## run every test, with doctests and the coverage floor
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered

check: $(VENV)/.all-installed ## formatting, lint, types, layers, spelling; changes nothing
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell

fmt: $(VENV)/.all-installed ## format the code and mend what ruff can mend
	$(BIN)/ruff format $(CHECKED)
	$(BIN)/ruff check --fix $(CHECKED)

peers: $(PEERS)/.installed ## install the peers of the benchmarks into an environment of their own

bench: $(VENV)/.all-installed $(PEERS)/.installed ## measure beside the peers, one script after the other
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done
	$(BIN)/python scripts/write_benchmarks.py
	$(BIN)/python scripts/write_scaling.py

bench-quick: $(VENV)/.all-installed $(PEERS)/.installed ## the main comparisons on small data, into build/bench
	$(BIN)/python benchmarks/bench_ials.py --size small --seeds 0 --test-users 1000 --out build/bench/ials.json
	$(BIN)/python benchmarks/bench_als.py --size small --out build/bench/als.json
	$(BIN)/python benchmarks/bench_growth.py --millions 0.1 0.3 1 --axes-at 0.1 --out build/bench/growth.json
	$(BIN)/python benchmarks/bench_fit_memory.py --shape ml-1m --out build/bench/fit_memory.json

bench-page: $(VENV)/.all-installed ## write docs/benchmarks.md and docs/scaling.md anew from benchmarks/results
	$(BIN)/python scripts/write_benchmarks.py
	$(BIN)/python scripts/write_scaling.py

docs: $(VENV)/.all-installed ## run every example of the docstrings, the README and docs/
	@$(BIN)/python -m pytest src tests/docs

build: ## build the wheel, install it bare into a fresh venv and use it there
	rm -rf build dist
	$(PYTHON) -m venv build/venv
	build/venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	build/venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt dist/tastemap-*.whl
	cd build && venv/bin/python ../scripts/check_wheel.py

golden-update: $(VENV)/.all-installed ## write tests/golden anew from what the code gives today; read the diff
	@$(BIN)/python -m pytest tests/golden --golden-update

docs-update: $(VENV)/.all-installed ## write the outputs and pictures of docs/tutorial anew; read the diff
	@$(BIN)/python -m pytest tests/docs/test_tutorial.py --golden-update

clean: ## remove what was built and cached here; keep the venv and fetched data
	rm -rf build dist demo-artifacts .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	find src tests benchmarks examples scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit("Tastemap needs Python 3.11 or newer, this is %d.%d. Name another one: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo-installed: pyproject.toml constraints.txt | $(VENV)/.created
	@echo "Installing Tastemap with its charts into $(VENV) ..."
	@$(INSTALL) -e '.[explore,service]'
	@touch $@

$(PEERS)/.installed: benchmarks/peers/requirements.txt
	@echo "Installing the peers into $(PEERS) ..."
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Dependency groups need pip 25.1.
$(VENV)/.all-installed: pyproject.toml constraints.txt | $(VENV)/.created
	@echo "Installing Tastemap with everything its tests use into $(VENV) ..."
	@$(INSTALL) 'pip>=25.1'
	@$(INSTALL) -e '.[explore,postgres,service,spark,torch,tune]' --group dev
	@touch $(VENV)/.demo-installed $@
