# Every command of the project. Settings given in the environment win over the defaults here.
SHELL := /bin/sh
.DELETE_ON_ERROR:
# The Python to install with; without one, requirements/install.sh chooses.
PYTHON ?=
VENV ?= .venv
BIN := $(VENV)/bin
FORMAT_CSS = $(BIN)/css-beautify --indent-size 2 --end-with-newline --preserve-newlines --space-around-combinator
FORMAT_JS = $(BIN)/js-beautify --indent-size 2 --end-with-newline --brace-style collapse,preserve-inline

# What the running portal is told; tests and linters see none of it.
run sandbox: export PORT := $(or $(strip $(PORT)),8000)
run sandbox: export SANDBOX_PORT := $(or $(strip $(SANDBOX_PORT)),8900)
run sandbox: export PORTAL_URL ?= http://127.0.0.1:$(PORT)
run sandbox: export CATALOG_LOCATIONS ?= $(CURDIR)/examples/catalog/all.yaml
# A token means a real account: the sandbox stays off.
run sandbox: export PAGERDUTY_SANDBOX ?= $(if $(strip $(PAGERDUTY_TOKEN)$(PAGERDUTY_TOKEN_FILE)),false,true)
ifeq ($(strip $(SECRET_KEY)$(SECRET_KEY_FILE)),)
run sandbox: export SECRET_KEY_FILE := $(CURDIR)/var/secret_key
endif
PROCESSES = release web worker $(if $(filter true on yes y 1,$(shell echo "$(PAGERDUTY_SANDBOX)" | tr A-Z a-z)),sandbox)

# Modules compiled once: without, each process of the suite takes six seconds longer to find the tests.
test test-pg test-next check: export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run install test test-pg test-next lint types templates contracts check format pins bench sandbox clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

run: $(BIN)/.run var/secret_key ## start the portal with the example catalog and the PagerDuty sandbox
	@exec $(BIN)/python -m portal.processes $(PROCESSES)

test: $(BIN)/.dev ## run the whole suite
	@$(BIN)/python -m pytest -n auto

test-pg: $(BIN)/.dev ## run the suite on PostgreSQL and Redis on this machine
	@DATABASE_URL=$${TEST_DATABASE_URL:-postgres://root@127.0.0.1:5432/test} REDIS_URL=$${TEST_REDIS_URL:-redis://127.0.0.1:6379/1} $(BIN)/python -m pytest -n auto -m "not e2e and not contract"

test-next: ## run the suite on the next Django and Python 3.13, in a virtual environment of its own
	@exec sh requirements/install.sh "$(VENV)-next" next/dev "$(or $(PYTHON),python3.13)"
	@$(VENV)-next/bin/python -m pytest -n auto -m "not e2e and not contract"

check: lint types templates contracts ## all that must hold before a change lands
	@$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

lint: $(BIN)/.dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@set -e; for file in $$(git ls-files 'static/*.css'); do $(FORMAT_CSS) $$file | diff -u $$file -; done
	@set -e; for file in $$(git ls-files 'static/*.js'); do $(FORMAT_JS) $$file | diff -u $$file -; done

types: $(BIN)/.dev
	@$(BIN)/mypy && $(BIN)/mypy requirements/install.py

templates: $(BIN)/.dev
	@$(BIN)/djade --target-version 5.2 --check $$(git ls-files 'templates/*.html')
	@$(BIN)/djlint --quiet --lint templates

contracts: $(BIN)/.dev
	@$(BIN)/lint-imports --no-logo
	@DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run --settings portal.settings_test

format: $(BIN)/.dev ## format code, stylesheets, scripts and templates
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .
	@set -e; for file in $$(git ls-files 'static/*.css'); do $(FORMAT_CSS) --replace $$file >/dev/null; done
	@set -e; for file in $$(git ls-files 'static/*.js'); do $(FORMAT_JS) --replace $$file >/dev/null; done
	@$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html')

pins: $(BIN)/.run ## compile requirements/*.txt from pyproject.toml
	@$(BIN)/python -m venv var/pins && var/pins/bin/pip install -q $$($(BIN)/python -c "import tomllib;print(*tomllib.load(open('pyproject.toml','rb'))['dependency-groups']['pins'])")
	@for set in "run" "scale --extra scale" "dev --group dev"; do set -- $$set; name=$$1; shift; \
	  var/pins/bin/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml "$$@" -o requirements/$$name.txt; done
	@var/pins/bin/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --no-header --no-emit-index-url --python-version 3.13 --override requirements/next/django.in pyproject.toml --group dev -o requirements/next/dev.txt

bench: $(BIN)/.dev ## measure: pages, sync, import, catalog, corpus; prints ratios and counts
	@$(BIN)/python -m tests.bench

sandbox: $(BIN)/.run ## start only the PagerDuty sandbox
	@exec $(BIN)/python -m portal.processes sandbox

clean: ## remove the venv and the data
	rm -rf $(VENV) var

install: $(BIN)/.run

# What these two install is recorded in the virtual environment, so they are always asked.
.PHONY: $(BIN)/.run $(BIN)/.dev
$(BIN)/.run $(BIN)/.dev:
	@exec sh requirements/install.sh "$(VENV)" $(subst .,,$(@F)) "$(PYTHON)"

var/secret_key: | $(BIN)/.run
	@mkdir -p var && umask 077 && $(BIN)/python -c "import secrets; print(secrets.token_urlsafe(64))" > $@.$$$$ && { mv -n $@.$$$$ $@; rm -f $@.$$$$; }
