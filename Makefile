# Holdfast: what a developer types. `make` alone lists it.
#
# Everything that is installed or built lies inside this folder (.venv, node_modules, .ape, .build, out); nothing
# touches the network but pip and npm in `setup` and `lock`.

SHELL := /bin/sh
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
NPM := npm install --ignore-scripts --no-audit --no-fund --loglevel=error
PYTEST_ARGS ?=
FUZZ_ARGS ?=
MUTATE_ARGS ?=
BENCH_ARGS ?=
SOLIDITY := contracts interfaces tests/symbolic tools/audit benchmarks/fuzz

.DEFAULT_GOAL := help
.PHONY: help setup build test lint fmt gas demo fuzz mutate bench-fuzz bench-pricing audit symbolic slither lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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
	@$(BIN)/pytest -n auto --dist loadfile $(PYTEST_ARGS)

lint: setup ## ruff, Solidity format, import layers, types
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/python -m holdfast.chain.binaries forge fmt --check $(SOLIDITY)
	@$(BIN)/lint-imports
	@$(BIN)/mypy

fmt: setup ## format Python and Solidity
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .
	@$(BIN)/python -m holdfast.chain.binaries forge fmt $(SOLIDITY)

gas: build ## measure gas and code sizes anew: tests/gas/snapshot.json, and what starts pay: docs/keepers.md
	@HOLDFAST_GAS=write $(BIN)/pytest -q tests/gas tests/keepers/test_sweep.py

demo: build ## a day of trading and a crash on a local chain; SCENARIO=cascade or gamma-squeeze, or PRICES=file.csv for a path of your own
	@$(BIN)/ape run demo $(if $(SCENARIO),--scenario "$(SCENARIO)") $(if $(PRICES),--prices "$(PRICES)")

fuzz: build ## every invariant against drawn histories, all cores, 300 s; SECONDS=, MACHINE=, WORKERS=, FUZZ_ARGS=
	@$(BIN)/ape run fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(WORKERS),--workers $(WORKERS)) \
	    $(foreach name,$(MACHINE),--machine $(name)) $(FUZZ_ARGS)

mutate: build ## mutants of the contracts through the tests and a short campaign; report in out/mutate/; MUTATE_ARGS=
	@$(BIN)/ape run mutate $(MUTATE_ARGS)

bench-fuzz: build benchmarks/fuzz/node_modules/.ready ## the fuzzers compared: Forge, Echidna, Hypothesis over Ape, ours; BENCH_ARGS=
	@$(BIN)/python -m benchmarks.fuzz $(BENCH_ARGS)

bench-pricing: build ## prices of options against the exact ones on a million points, and what they cost; BENCH_ARGS=
	@$(BIN)/python -m benchmarks.pricing $(BENCH_ARGS)

benchmarks/fuzz/node_modules/.ready: benchmarks/fuzz/package.json benchmarks/fuzz/package-lock.json
	@cd benchmarks/fuzz && $(NPM) >/dev/null
	@touch $@

audit: setup .venv-audit/.ready ## prove the arithmetic (halmos) and analyse the contracts (slither); out/audit/report.json
	@.venv-audit/bin/python -m tools.audit

symbolic: setup .venv-audit/.ready ## the proofs alone
	@.venv-audit/bin/python -m tools.audit symbolic

slither: setup .venv-audit/.ready ## the static analysis alone
	@.venv-audit/bin/python -m tools.audit slither

.venv-audit/.ready: tools/audit/requirements.lock
	@python=$$(tools/find_python.sh) || exit 1; \
	rm -rf .venv-audit && echo "audit tools: $$python" && "$$python" -m venv .venv-audit
	@.venv-audit/bin/python -m pip --disable-pip-version-check -qq install --require-hashes -r tools/audit/requirements.lock
	@touch $@

lock: ## resolve the dependencies anew: all requirements.lock and package-lock.json
	@rm -rf .cache/lock && python=$$(tools/find_python.sh) && "$$python" -m venv .cache/lock
	@.cache/lock/bin/python -m pip --disable-pip-version-check -qq install uv
	@.cache/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header --all-extras --upgrade \
	    pyproject.toml -o requirements.lock
	@.cache/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --upgrade \
	    tools/audit/requirements.in -o tools/audit/requirements.lock
	@$(NPM) --package-lock-only >/dev/null
	@node tools/trim_lock.cjs

clean: ## remove what was built, keep what was installed
	rm -rf .build .ape out .cache .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find holdfast scripts tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
