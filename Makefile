# Every target sets up what it needs; `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CAMPAIGN ?= demo
CORES ?= all
PLUGINS := $(dir $(wildcard plugins/*/pyproject.toml))
SOURCES := pyproject.toml $(shell find workflow/src $(PLUGINS) -type f -not -path '*/__pycache__/*' -not -path '*.egg-info/*')
LOCKS := envs/uv.txt envs/base.txt envs/dev.txt
# A job is one process with one thread: parallelism is the scheduler's.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Targets stand before the options: --configfile takes every word that follows it.
STYLE = --report-stylesheet workflow/report/report.css
OPTIONS = --profile profiles/local --cores $(CORES) --configfile config/campaigns/$(CAMPAIGN).yaml

.PHONY: help env lock demo run report test test-unit test-campaign platforms test-platform test-grid lint bench validate image docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | column -t -s $$'\t'

env: $(VENV)/.installed ## make .venv from the lock, with iactflow installed in it

# Bytecode at once: each job and each test that starts a process would else compile seconds of it
# where Python is told not to write any. And what ctapipe compiles at its import, by one process:
# of two that do it at once, one may die of the other's half (numba's issue 10128).
$(VENV)/.locked: $(LOCKS)
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r envs/uv.txt
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install -q --compile-bytecode --require-hashes -r envs/dev.txt
	NUMBA_CACHE_DIR= $(BIN)/python -W ignore -c "import ctapipe.calib, ctapipe.image.muon, pyirf.sensitivity"
	touch $@

# Compiled kernels of the code before would lie beside the new one, and name what it no longer has.
$(VENV)/.installed: $(VENV)/.locked $(SOURCES)
	rm -rf build $(VENV)/lib/python*/site-packages/iactflow
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install -q --no-deps --no-build-isolation --reinstall . $(PLUGINS:%/=./%)
	$(BIN)/python -m compileall -q $(VENV)/lib/python*/site-packages/iactflow $(VENV)/lib/python*/site-packages/snakemake_*
	rm -rf build workflow/src/*.egg-info plugins/*/build plugins/*/src/*.egg-info
	touch $@

lock: ## resolve the environment anew
	for name in uv base dev; do \
	  $(BIN)/uv pip compile -q --universal --python-version 3.11 --upgrade --generate-hashes --no-header \
	    --no-emit-index-url --no-annotate envs/$$name.in -o envs/$$name.txt || exit 1; \
	done
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --upgrade --generate-hashes --no-header \
	  --no-emit-index-url --no-annotate --override envs/dirac-overrides.txt envs/dirac.in -o envs/dirac.txt

demo: run ## run the embedded default campaign through to its HTML report

run: env ## run CAMPAIGN (a file of config/campaigns) through to its HTML report
	@$(BIN)/iactflow validate config/campaigns/$(CAMPAIGN).yaml
	@status=0; $(BIN)/snakemake all $(OPTIONS) || status=$$?; \
	if [ -e results/$(CAMPAIGN)/overview.html ]; then \
	  $(MAKE) --no-print-directory report CAMPAIGN=$(CAMPAIGN) || exit 1; \
	fi; \
	exit $$status

report: env ## write the report of CAMPAIGN, also when its gate is closed
	$(BIN)/snakemake products $(OPTIONS) --report results/$(CAMPAIGN)/report.html $(STYLE)
	$(BIN)/snakemake products $(OPTIONS) --report results/$(CAMPAIGN)/report.zip $(STYLE)
	@echo "report: results/$(CAMPAIGN)/report.html and report.zip"

test: test-unit test-campaign test-platform ## all tests

test-unit: env ## unit tests: minutes
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/unit

# The longest first, so that the other process has something to do beside them.
test-campaign: env ## DAG, rules, plugins, and whole campaigns
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder \
	  tests/campaign tests/dag $(wildcard $(PLUGINS:%=%tests)) tests/rules

platforms: env ## set up real Apptainer, SLURM, XRootD, browser, DIRAC, where apt is at hand
	bash tests/platform/setup.sh
	bash tests/grid/dirac/install.sh .platform/dirac

# The grid beside all others: both wait far longer than they compute.
test-platform: platforms ## tests of all platforms and of the grid
	$(BIN)/python -m pytest -q tests/grid >.platform/grid.log 2>&1 & grid=$$!; status=0; \
	$(BIN)/python -m pytest -q tests/platform || status=$$?; \
	wait $$grid || status=$$?; cat .platform/grid.log; exit $$status

test-grid: platforms ## of these, the real DIRAC with two sites alone
	$(BIN)/python -m pytest -q tests/grid

lint: env ## ruff, snakefmt, snakemake --lint, numpydoc, codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint --configfile config/campaigns/demo.yaml
	$(BIN)/python -m numpydoc.hooks.validate_docstrings --config . $$(git ls-files 'workflow/src/*.py' 'plugins/*/src/*.py')
	$(BIN)/codespell $$(git ls-files | grep -vE '^envs/.*\.txt$$')

bench: env ## measure speed side by side with the peers: bench/results.json and a table
	$(BIN)/python bench/run.py

validate: env ## long physics comparisons into docs/validation (PAGE=name for one)
	$(BIN)/python docs/validation/run.py $(PAGE)

image: env ## build the Apptainer image from the lock
	bash containers/build.sh

docs: env ## write the generated pages (keys, data model, rules)
	$(BIN)/iactflow schema --write
	$(BIN)/python docs/generate.py

clean: ## remove results and the environment
	rm -rf $(VENV) results build .snakemake .pytest_cache .ruff_cache
