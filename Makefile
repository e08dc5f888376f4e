# Every command of the project. Settings given in the environment win over the defaults here.
SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin

# What the running portal is told; tests and linters see none of it.
run sandbox: export PORT ?= 8000
run sandbox: export SANDBOX_PORT ?= 8900
run sandbox: export PORTAL_URL ?= http://127.0.0.1:$(PORT)
run sandbox: export CATALOG_LOCATIONS ?= $(CURDIR)/examples/catalog/all.yaml
# A token means a real account: the sandbox stays off.
run sandbox: export PAGERDUTY_SANDBOX ?= $(if $(strip $(PAGERDUTY_TOKEN)$(PAGERDUTY_TOKEN_FILE)),false,true)
ifeq ($(strip $(SECRET_KEY)$(SECRET_KEY_FILE)),)
run sandbox: export SECRET_KEY_FILE := $(CURDIR)/var/secret_key
endif
PROCESSES = release web worker $(if $(filter true True TRUE yes on 1,$(PAGERDUTY_SANDBOX)),sandbox)

.PHONY: help run install test test-pg lint types templates contracts check format pins bench sandbox clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

run: $(BIN)/.run var/secret_key ## start the portal with the example catalog and the PagerDuty sandbox
	@exec $(BIN)/python -m portal.processes $(PROCESSES)

test: $(BIN)/.dev ## run the whole suite
	@$(BIN)/python -m pytest -n auto

test-pg: $(BIN)/.dev ## run the suite on PostgreSQL and Redis on this machine
	@DATABASE_URL=$${TEST_DATABASE_URL:-postgres://root@127.0.0.1:5432/test} REDIS_URL=$${TEST_REDIS_URL:-redis://127.0.0.1:6379/1} $(BIN)/python -m pytest -n auto -m "not e2e and not contract"

check: lint types templates contracts ## all that must hold before a change lands
	@$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

lint: $(BIN)/.dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(BIN)/.dev
	@$(BIN)/mypy

templates: $(BIN)/.dev
	@$(BIN)/djade --target-version 5.2 --check $$(git ls-files 'templates/*.html')
	@$(BIN)/djlint --quiet --lint templates

contracts: $(BIN)/.dev
	@$(BIN)/lint-imports --no-logo
	@DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run --settings portal.settings_test

format: $(BIN)/.dev ## format code and templates
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .
	@$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html')

pins: ## compile requirements/*.txt from pyproject.toml
	@$(PYTHON) -m venv var/pins && var/pins/bin/pip install -q $$($(PYTHON) -c "import tomllib;print(*tomllib.load(open('pyproject.toml','rb'))['dependency-groups']['pins'])")
	@for set in "run" "scale --extra scale" "dev --group dev"; do set -- $$set; name=$$1; shift; \
	  var/pins/bin/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml "$$@" -o requirements/$$name.txt; done

bench: $(BIN)/.dev ## measure: pages, sync, import, catalog, corpus; prints ratios and counts
	@$(BIN)/python -m tests.bench

sandbox: $(BIN)/python ## start only the PagerDuty sandbox
	@$(BIN)/python -m sandbox.pagerduty --port $(SANDBOX_PORT) --webhook-url "$${PORTAL_URL%/}/pagerduty/webhooks/default/"

clean: ## remove the venv and the data
	rm -rf $(VENV) var

install: $(BIN)/.run

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV)

$(BIN)/.run: requirements/run.txt | $(BIN)/python
	@echo "Installing requirements/run.txt into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(BIN)/.dev: requirements/dev.txt | $(BIN)/python
	@echo "Installing requirements/dev.txt into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

var/secret_key:
	@mkdir -p var && umask 077 && $(PYTHON) -c "import secrets; print(secrets.token_urlsafe(64))" > $@
