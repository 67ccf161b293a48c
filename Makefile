# Two commands set up what they need and do the rest: `make up` and `make test`.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up test test-current lint wheel bench prove clean

# Any Python from 3.11 on; `make PYTHON=/path/to/python3.12` chooses another.
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Debian packages of what watches the gateway; without them `make up` runs the rest, and says so.
UP_PACKAGES := prometheus prometheus-alertmanager
# Debian packages that tests use when they are there; without them those tests are skipped, and say so.
TEST_PACKAGES := curl nghttp2-client nginx-light openssl $(UP_PACKAGES) redis-server wrk
BENCH_PACKAGES := gcc haproxy libc6-dev nginx-light wrk

help:
	@echo 'make up      start the gateway, two demo services, a little traffic and all that watches them on this machine'
	@echo 'make test    lint, types, imports, tests'
	@echo 'make test-current   the tests of alerts on current releases of Prometheus and Alertmanager, built once with Go'
	@echo 'make bench   measure against nginx, haproxy, Envoy, Traefik, Caddy and KrakenD, those that are installed'
	@echo 'make prove   run every acceptance line at full size and write build/prove/report.md; goes on where it stopped'
	@echo 'make wheel   build dist/*.whl, the request path compiled: about twice as fast as the checkout'
	@echo 'make lint    only lint, types and imports'
	@echo 'make clean   remove .venv and everything built'

# Each stamp is older than pyproject.toml as soon as that changes, so a new dependency is never missed.
$(VENV)/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed: apt-get install python3 python3-venv' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || deploy/debian-packages python3-venv
	@echo 'Setting up $(VENV) with $(PYTHON): the packages that run Casino'
	@$(PYTHON) -m venv $(VENV)
	@deploy/python-packages $(BIN)/pip --upgrade pip
	@deploy/python-packages $(BIN)/pip --editable .
	@touch $@

$(VENV)/.ready-%: $(VENV)/.ready
	@echo 'Setting up $(VENV): the packages of group $*'
	@deploy/python-packages $(BIN)/pip --group $*
	@touch $@

up: $(VENV)/.ready
	@deploy/debian-packages $(UP_PACKAGES) || true
	@$(BIN)/casino up --load

lint: $(VENV)/.ready-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

test: lint
	@deploy/debian-packages $(TEST_PACKAGES) || true
	@$(BIN)/pytest -n 2 --dist loadgroup || { test $$? -eq 1 && $(BIN)/python -m tests.again; }

# The same tests on servers of today; Debian's are two years older. They are built once, outside the checkout.
test-current: $(VENV)/.ready-dev
	@PATH="$$(deploy/current-servers):$$PATH" $(BIN)/pytest -n 2 --dist loadgroup tests/alerts tests/casino/test_trials.py tests/casino/test_own.py

wheel: $(VENV)/.ready
	@deploy/wheel dist

# What is measured is what is released: an environment of its own with nothing in it but the wheel.
build/wheel/.ready: $(VENV)/.ready $(shell find alerts casino exporters gateway -name '*.py')
	@rm -rf build/wheel
	@deploy/wheel build/wheel/dist
	@$(BIN)/python -m venv build/wheel
	@deploy/python-packages build/wheel/bin/pip build/wheel/dist/*.whl
	@touch $@

bench: $(VENV)/.ready-dev $(VENV)/.ready-bench build/wheel/.ready
	@deploy/debian-packages $(BENCH_PACKAGES) || true
	@$(BIN)/casino bench

# What judges no speed is proved side by side, the longest first; then alone what is left, and what failed in company.
# Each process holds the next test back meanwhile, so short ones come behind those that last ten minutes.
PROVED_TOGETHER := tests/prove/test_drill.py tests/prove/test_incident.py tests/spec tests/alerts tests/control tests/proxy \
	--ignore tests/alerts/pagerduty/bridge/test_intake.py --ignore tests/alerts/pagerduty/bridge/test_kill.py
prove: $(VENV)/.ready-dev $(VENV)/.ready-bench build/wheel/.ready
	@deploy/debian-packages $(TEST_PACKAGES) $(BENCH_PACKAGES) || true
	@CASINO_FULL=1 $(BIN)/pytest -m proves -p no:randomly -n 4 --dist loadgroup --maxschedchunk 1 $(PROVED_TOGETHER) || true
	@CASINO_FULL=1 $(BIN)/pytest -m proves

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
