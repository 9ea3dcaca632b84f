# What a person types. `make help` lists every target whose line carries a `##` comment.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
UV_VERSION := $(shell awk '/^name = "uv"$$/ { getline; gsub(/version = |"/, ""); print }' uv.lock)
SYNC := $(BIN)/uv sync --quiet --frozen --inexact --python $(BIN)/python
CHECKS := check-lock check-rules check-format check-types check-imports check-docstrings

# The person's own UV_* and PIP_* settings hold; only the environment's place is ours to say.
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
export UV_PYTHON_DOWNLOADS ?= never
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= true
endif

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup-demo ## Train a Born machine under observation; options go in ARGS="--seed 7"
	@$(BIN)/qgm-observe demo $(ARGS)

.PHONY: test
test: setup tools lint unit oldest ## Set up, lint and run every test

.PHONY: setup
setup: .venv/.setup ## Bring everything that development needs into .venv
	@:

.PHONY: setup-demo
setup-demo: .venv/.setup-demo ## Bring what the demo needs into .venv
	@:

.PHONY: tools
tools: ## Bring the programs that tests start, and Grafana's types, into .tools, without root
	@.ci/fetch-tools
	@.ci/fetch-grafana-schema
	@.ci/fetch-chromium

.PHONY: lint
lint: setup ## Check lock, rules, format, types, imports and test docstrings
	@$(MAKE) --keep-going $(CHECKS)

.PHONY: unit
unit: setup ## Run the tests alone; choose some with ARGS="tests/journal -k prune"
	@$(BIN)/python -m pytest --numprocesses 2 --dist worksteal $(ARGS)

.PHONY: oldest
oldest: setup ## Run the hooks' tests against the oldest libraries that they declare
	@$(BIN)/python benchmarks/versions.py oldest

.PHONY: bench
bench: setup ## Print the benchmark tables
	@for each in benchmarks/*.py; do $(BIN)/python $$each || echo "$$each: exit code $$?"; echo; done

.PHONY: recorded
recorded: setup-demo ## Record anew the run that `qgm-observe demo --replay` shows
	@folder=$$(mktemp -d) && $(BIN)/qgm-observe demo --port 0 --journal $$folder/journal.db && \
	$(BIN)/python -c "import sys, pathlib; from qgm_observe.cli.replay import record; \
	record(pathlib.Path(sys.argv[1]))" $$folder/journal.db

.PHONY: clean
clean: ## Remove what make brought: .venv, .tools and caches
	@rm -rf .venv .tools .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# ------------------------------------------------------------------------------- environment

.venv/.setup: pyproject.toml uv.lock | $(BIN)/uv
	@echo "setup: installing the locked development environment into .venv"
	@$(SYNC) --all-extras
	@touch $@ .venv/.setup-demo

.venv/.setup-demo: pyproject.toml uv.lock | $(BIN)/uv
	@echo "setup: installing what the demo needs into .venv"
	@$(SYNC) --no-dev --extra demo
	@touch $@

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "setup: needs Python 3.11 or newer; name one with make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "setup: needs the venv module: apt-get install python3-venv" >&2; exit 2; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)

# ------------------------------------------------------------------------------------ checks

define report # what is checked, command: one line when it passes, everything when it fails
	@out=$$($(2) 2>&1) && echo "lint: $(1) ok" || { \
	  printf '%s\nlint: %s FAILED, again with: %s\n' "$$out" "$(1)" "$(2)" >&2; exit 1; }
endef

.PHONY: $(CHECKS)
check-lock:
	$(call report,lock,$(BIN)/uv lock --check --offline)
check-rules:
	$(call report,rules,$(BIN)/ruff check)
check-format:
	$(call report,format,$(BIN)/ruff format --check)
check-types:
	$(call report,types,$(BIN)/mypy)
check-imports:
	$(call report,imports,$(BIN)/lint-imports --no-logo)
check-docstrings:
	$(call report,docstrings,$(BIN)/interrogate -vv tests)
