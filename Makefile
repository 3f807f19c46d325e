# Holdfast: what a developer types. `make` alone lists it.
#
# Everything that is installed or built lies inside this folder (.venv, node_modules, .ape, .build, out); nothing
# touches the network but pip and npm in `setup` and `lock`.

SHELL := /bin/sh
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
NPM := npm install --ignore-scripts --no-audit --no-fund --loglevel=error
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup build test lint fmt gas demo lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready node_modules/.ready ## install Python and npm packages into this folder; instant when nothing changed
	@:

.venv/.ready: requirements.lock
	@python=$$(tools/find_python.sh) || exit 1; \
	rm -rf .venv && echo "Python packages: $$python" && "$$python" -m venv .venv
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(BIN)/python -m holdfast.chain.environment
	@touch $@

node_modules/.ready: package.json package-lock.json .npmrc
	@command -v npm >/dev/null || { echo "Holdfast needs Node.js 20 or later, with npm." >&2; exit 1; }
	@echo "npm packages"
	@$(NPM) >/dev/null
	@missing=$$(node tools/missing_natives.cjs); [ -z "$$missing" ] || $(NPM) --no-save $$missing >/dev/null
	@touch $@

build: setup .build/.ready ## compile the contracts; instant when nothing changed
	@:

# All of them: Ape itself doesn't see that a file is out of date when only what it imports has changed.
.build/.ready: .venv/.ready node_modules/.ready ape-config.yaml $(shell find contracts interfaces -name '*.sol')
	@$(BIN)/ape compile --force
	@touch $@

test: setup build lint ## build, lint, then every test; PYTEST_ARGS=... goes to pytest
	@$(BIN)/pytest $(PYTEST_ARGS)

lint: setup ## ruff, Solidity format, import layers, types
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/python -m holdfast.chain.binaries forge fmt --check contracts interfaces
	@$(BIN)/lint-imports
	@$(BIN)/mypy

fmt: setup ## format Python and Solidity
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .
	@$(BIN)/python -m holdfast.chain.binaries forge fmt contracts interfaces

demo: build ## a day of trading and a crash on a local chain; PRICES=file.csv for a price path of your own
	@$(BIN)/ape run demo $(if $(PRICES),--prices "$(PRICES)")

lock: ## resolve the dependencies anew: requirements.lock and package-lock.json
	@rm -rf .cache/lock && python=$$(tools/find_python.sh) && "$$python" -m venv .cache/lock
	@.cache/lock/bin/python -m pip --disable-pip-version-check -qq install uv
	@.cache/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header --all-extras --upgrade \
	    pyproject.toml -o requirements.lock
	@$(NPM) --package-lock-only >/dev/null
	@node tools/trim_lock.cjs

clean: ## remove what was built, keep what was installed
	rm -rf .build .ape out .cache .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find holdfast scripts tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
