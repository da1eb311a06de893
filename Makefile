# `make up` runs the platform, `make help` shows the rest. Each target works on a fresh checkout.
#
# PYTHON=python3.12 make up   picks another interpreter for the virtual environment
# VITRINE_PORT=9000 make up   any VITRINE_… variable is passed on

PYTHON ?= python3
# So many tests at once, each with servers of its own.
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
# The platform is many processes. Where this is set, each of them would compile every library anew.
unexport PYTHONDONTWRITEBYTECODE

# A terminal is shown the progress, a log is not.
INSTALL = $(BIN)/uv pip install $(if $(MAKE_TERMOUT),,--quiet) --python $(BIN)/python

# A stamp is written last, so that what was interrupted is done again.
MADE := $(VENV)/.made
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help up test lint bench

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(RUN) ## Run the whole platform here; Ctrl-C stops all of it
	@exec $(BIN)/vitrine up

test: $(DEV) ## Run every test, on real servers
	@exec $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

lint: $(DEV) ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV) ## Run every benchmark; each prints ratios measured in one run
	@set -e; for script in bench/[a-z]*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Vitrine needs Python 3.11 or newer and $(PYTHON) is not one." \
			"Name one: PYTHON=python3.12 make $(MAKECMDGOALS)" >&2; exit 1; }
	@# An environment that works is kept; half of one is made again.
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Making $(VENV)"; \
		$(PYTHON) -m venv --clear $(VENV) || { \
			echo "The virtual environment cannot be made; on Debian and Ubuntu:" \
				"apt install python3-venv" >&2; exit 1; }; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

# What the tests need includes what running needs, so `make up` after `make test` installs nothing.
$(RUN): $(MADE) pyproject.toml
	@if [ -n "$$(find $(DEV) -newer pyproject.toml 2>/dev/null)" ]; then touch $@; else \
		echo "Installing Vitrine and its servers into $(VENV)"; \
		$(INSTALL) -e ".[embedded]" && touch $@; fi

$(DEV): $(MADE) pyproject.toml
	@echo "Installing Vitrine, its servers and its tools into $(VENV)"
	@$(INSTALL) -e ".[embedded,train,dev]"
	@touch $@
