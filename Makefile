# Needs python3 (3.10 or newer) with venv, and make. `make help` lists what there is to do.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test check unit lab-test lab lab-down lab-mutants bench fuzz snapshots constraints wheel wheelhouse clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.ready  ## make the virtual environment with everything pinned
ifneq ($(origin PYTHON),file)
	@wanted=$$($(PYTHON) --version) have=$$($(BIN)/python --version); [ "$$wanted" = "$$have" ] || \
		echo "$(VENV) keeps its $$have; for $$wanted: make clean, then the same again (or VENV=another)"
endif

$(VENV)/.ready: constraints.txt pyproject.toml
	@bash scripts/setup.sh "$(PYTHON)" "$(VENV)"
	@touch $@

demo: setup  ## the main job on two simulated nodes: the wizard, or headless without a terminal
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/glm47-tui demo; else $(BIN)/glm47-tui demo --headless; fi

test: setup  ## style, types, walls, unit, app, demo cluster: all that needs neither root nor hosts
	@bash scripts/test.sh test

check: setup  ## style, types and import contracts only
	@bash scripts/test.sh static

unit: setup  ## all tests that need neither root nor the lab
	@bash scripts/test.sh unit

lab-test: setup  ## the tests on two real hosts (root on Linux)
	@bash scripts/test.sh lab

lab: setup  ## bring up two real hosts to play with, and print a profile for them (root)
	@$(BIN)/python -m tests.lab up

lab-down: setup  ## take them away again
	@$(BIN)/python -m tests.lab down

lab-mutants: setup  ## break copies of the product on purpose: the lab's tests must notice
	@$(BIN)/python -m tests.lab.mutants

fuzz: setup  ## 100,000 mutated inputs through every parser of a node's answers
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/fuzz -m fuzz --no-header

snapshots: setup  ## accept the app's present looks as right
	@$(BIN)/python -m pytest -q tests/tui --snapshot-update

bench: setup  ## measure, and print the table of figures and bounds
	@$(BIN)/python -m bench

wheel: setup  ## build the wheel into dist/
	@rm -f dist/*.whl
	@$(BIN)/python -m hatchling build -t wheel

wheelhouse: wheel  ## the wheel and all it needs into dist/wheels, for a host without internet
	@bash scripts/wheelhouse.sh "$(VENV)"

constraints:  ## pin the newest fitting versions of all dependencies, with hashes
	@bash scripts/constraints.sh

clean:  ## remove what was built (not the lab's cache)
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
