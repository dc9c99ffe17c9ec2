# Needs make and Python 3.11 or newer with venv; everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
IMAGE ?= anomaly-exporter:local

export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Programs that are not installed here are unpacked there.
export PATH := $(PATH):$(CURDIR)/.run/programs/usr/bin

.DEFAULT_GOAL := help

.PHONY: help
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST) | sort

$(VENV)/.installed: setup.cfg
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1); try: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing into $(VENV), which takes a minute or some"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

.PHONY: check
check: $(VENV)/.installed  ## lint, format, types, architecture and rules, in about a minute
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v promtool >/dev/null; \
	then $(BIN)/pytest -q tests/rules; \
	else echo "promtool is not installed: rules are left to make test"; fi

.PHONY: run
run: $(VENV)/.installed  ## start the whole stack here; Ctrl-C stops it, .run/ keeps its state
	@$(BIN)/python -m quickstart || test $$? -eq 130  # Ctrl-C is how it is meant to end

.PHONY: incident
incident: $(VENV)/.installed  ## keep every core busy for 90 s, to see an alert arrive
	@$(BIN)/python -m quickstart.incident

.PHONY: fill
fill: $(VENV)/.installed  ## fill an invented folder in eleven minutes, to see its end predicted
	@$(BIN)/python -m quickstart.fill

.PHONY: test
test: programs check  ## everything, with the end-to-end tests on the real programs
	$(BIN)/pytest --cov --durations 5 --numprocesses auto --ignore tests/e2e
	$(BIN)/pytest tests/e2e --durations 5

.PHONY: programs
programs: $(VENV)/.installed
	@$(BIN)/python -m quickstart.programs

.PHONY: image
image:  ## build the container image of both programs
	docker build --tag $(IMAGE) .

.PHONY: bench
bench: $(VENV)/.installed  ## measure cost per evaluation against Prometheus' own
	$(BIN)/python -m benchmarks.speed

.PHONY: clean
clean:  ## remove what can be made again (keeps .run, the history of make run)
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* htmlcov
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/anomaly-exporter"
