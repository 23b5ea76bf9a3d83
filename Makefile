# `make run` and `make test` each work alone on a fresh machine: Python 3.11 or newer, make, git.
# PYTHON=/path/to/python picks the interpreter .venv is built with; ARGS="-k approval" goes on to pytest.

export PYTHON
BIN := .venv/bin
COVERAGE_FLOOR := 85
# Most of the long tests wait for processes of their own: more workers than cores.
# A test that a busy machine made fail is begun again (and shown as such); one that is wrong fails again.
SIDE_BY_SIDE := -n 4 --dist worksteal --reruns 2

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check audit bench crash month venv dev browser format lint types imports coverage

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: venv  ## the gateway; without config/config.json in practice: paper exchange, phone page, no account
	@exec $(BIN)/manjha run

test: dev browser  ## every test
	@$(BIN)/pytest $(SIDE_BY_SIDE) $(ARGS)

check: format lint types imports coverage  ## what CI runs: format, lint, types, import contracts, tests with coverage

crash: dev  ## the whole crash campaign, chaos, kill -9 under load and fuzz: an hour or two (docs/reliability.md)
	@$(BIN)/python -m tests.crash $(ARGS)

month: dev  ## the simulated month: 33 days on the real process, the table of docs/operations.md (ARGS="--write docs/operations.md")
	@$(BIN)/python -m tests.month $(ARGS)

audit:  ## known vulnerabilities of the locked dependencies; needs the internet (docs/operations.md)
	@tools/audit

bench: dev  ## the benchmark table
	@$(BIN)/python -m bench

venv:
	@tools/venv run

dev:
	@tools/venv dev

browser:
	@tools/install-chromium

format: dev
	@echo "== format: ruff format --check"
	@$(BIN)/ruff format --check .

lint: dev
	@echo "== lint: ruff check"
	@$(BIN)/ruff check .

types: dev
	@echo "== types: mypy"
	@$(BIN)/mypy

imports: dev
	@echo "== imports: lint-imports"
	@$(BIN)/lint-imports

coverage: dev browser
	@echo "== tests: pytest, coverage at least $(COVERAGE_FLOOR) %"
	@$(BIN)/pytest $(SIDE_BY_SIDE) --cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE_FLOOR)
