# Two commands on a fresh Debian or Ubuntu: `make run` starts the application, `make test`
# runs the tests. Each does the set-up that it needs; after the first time that is silent.
#
# ARGS is handed on:  make run ARGS="status"    make test ARGS="tests/unit -k names"

SHELL := /bin/bash
.DEFAULT_GOAL := help
ARGS ?=
export PYTHON

.PHONY: help setup setup-test run demo test check format bench bench-application bench-starting profile drills soak screenshots messages lock prove-setup clean

help: ## show this list
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv with vaultui and vaultfs, and install what the system lacks
	@scripts/setup run

setup-test: ## the same, with what the tests need
	@scripts/setup test

run: setup ## start the application
	@.venv/bin/vaultui $(ARGS)

demo: setup ## start the application on a throw-away vault with some content
	@scripts/demo

test: setup-test ## run the tests: all of them on all cores, or those of ARGS one by one
	@.venv/bin/python -m pytest $(or $(ARGS),-n auto --dist worksteal)

check: setup-test ## look at style, types and layers: ruff, mypy, import-linter
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: setup-test ## let ruff write the style
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

bench: ## measure against the real gocryptfs and others, in turn; an hour or two
	@scripts/setup bench
	@.venv/bin/python -m tests.bench $(ARGS)

bench-application: setup-test ## measure what the application costs: start, rest, long lists
	@unshare --mount .venv/bin/python -m tests.bench.application $(ARGS)

bench-starting: setup-test ## measure what it costs to start a task, against gocryptfs too
	@.venv/bin/python -m tests.bench.startingtasks $(ARGS)

profile: setup-test ## measure where the processor time of a request goes, against gocryptfs too
	@unshare --mount .venv/bin/python -m tests.bench.profile $(ARGS)

drills: setup-test ## crashes, power cuts, damage, full disks, thieves: 20 minutes, against gocryptfs too
	@.venv/bin/python -m tests.drills $(ARGS)

soak: setup-test ## an hour of mixed load, to see that nothing grows
	@.venv/bin/python -m tests.drills --only soak $(ARGS)

screenshots: setup-test ## take the pictures of the README from the running application
	@scripts/screenshots $(ARGS)

messages: setup-test ## bring the translations up to date with the source, and compile them
	@scripts/messages

lock: ## write the lock files anew; ARGS=--upgrade takes the newest versions
	@scripts/lock $(ARGS)

prove-setup: ## try the set-up in a bare Debian (debootstrap, as root)
	@scripts/prove-setup $(ARGS)

clean: ## remove .venv and everything else that was generated
	@rm -rf .venv .setup build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +
	@find vaultui -name '*.so' -delete
