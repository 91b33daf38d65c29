# All of picanary by one word each: `make help`. Needs GNU make 4 and Python 3.11 or newer.

VENV ?= .venv
# PYTHON=python3.13 make ... rebuilds an environment that has another version.
PYTHON ?= $(or $(wildcard $(VENV)/bin/python),python3)
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>&1 | tail -n 1)

# One more than there are cores: many tests wait for something most of the time.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

PYTEST = $(VENV)/bin/python -m pytest --ignore tests/pi --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

# What is installed, and for which Python. ALL holds what DEMO holds.
DEMO := $(VENV)/.demo-$(VERSION)
ALL := $(VENV)/.all-$(VERSION)
ASKED := pyproject.toml constraints.txt hatch_build.py
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check --quiet

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test test-long check assets bench faults soak test-pi test-image clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-10s %s\n", $$1, $$2 }'

demo: $(DEMO) ## all of it on this machine; FOR=60 stops after a minute and judges, PORT=N moves the page
	@exec $(VENV)/bin/python -m deploy demo $(if $(FOR),--for $(FOR)) $(if $(PORT),--port $(PORT))

test: $(ALL) ## set up what the tests need, and run them; ARGS='-k word' picks some
	@sh tests/install-tools.sh
	@sh tests/install-cloud-init.sh $(VENV)
	@sh tests/install-device-trees.sh $(VENV)
	@exec $(PYTEST) -m 'not long' $(ARGS)

test-long: $(ALL) ## the tests that take minutes: random faults and kills, all recorded series, the demo
	@sh tests/install-tools.sh
	@exec $(PYTEST) -m long $(ARGS)

check: $(ALL) ## lint, format and types
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy

assets: $(DEMO) ## fetch the page's chart library, if the installation could not
	@exec $(VENV)/bin/python -m monitor.assets

bench: $(ALL) ## measure what it costs here, and write docs/bench.md; ARGS='--only start' some of it
	@exec $(VENV)/bin/python -m tests.bench.measure $(ARGS)

faults: $(ALL) ## each row of docs/faults.md, and how long it takes
	@sh tests/install-tools.sh
	@sh tests/install-cloud-init.sh $(VENV)
	@exec $(VENV)/bin/python -m pytest tests/edge/faults --numprocesses $(WORKERS) --dist loadfile --durations 0

soak: $(ALL) ## all of it under random faults for FOR=1h (default 90s); SEED=N repeats them, OUT=FILE keeps the report
	@sh tests/install-tools.sh
	@exec $(VENV)/bin/python -m tests.soak $(if $(FOR),--for $(FOR)) $(if $(SEED),--seed $(SEED)) $(if $(OUT),--out $(OUT))

test-pi: $(ALL) ## the agent in an emulated Pi, with the kernel's own DHT22 driver; ARGS='-k word' picks some
	@sh tests/pi/install-qemu.sh
	@$(VENV)/bin/python -m tests.pi.image
	@exec $(VENV)/bin/python -m pytest tests/pi --timeout 1200 $(ARGS)

test-image: $(ALL) ## build the whole image and boot it in QEMU: half an hour and more; ARGS='--only virt' some of it
	@sh tests/install-tools.sh
	@sh tests/pi/install-qemu.sh no-compiler
	@exec $(VENV)/bin/python -m tests.image $(ARGS)

clean: ## remove what builds, tests and demos left; .venv and runs stay
	@rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(DEMO): $(ASKED)
	$(call install,train$(comma)monitor$(comma)demo,all that the demo needs)
	@touch $@

$(ALL): $(ASKED)
	$(call install,train$(comma)monitor$(comma)alerts$(comma)parquet$(comma)demo$(comma)deploy$(comma)pi$(comma)test$(comma)check,all that demo$(comma) tests and checks need)
	@touch $@ $(DEMO)

comma := ,

# $(1): extras, $(2): for whom it is told. An environment of another Python is made anew.
define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
  echo "make: picanary needs Python 3.11 or newer, $(PYTHON) is $(VERSION): PYTHON=python3.13 make ... names another" >&2; \
  exit 2; }
@[ "$$($(VENV)/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$(VERSION)" ] || { \
  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
    echo "make: $(PYTHON) cannot make virtual environments: apt-get install python3-venv" >&2; exit 2; }; \
  echo "making $(VENV) with Python $(VERSION)"; $(PYTHON) -m venv --clear $(VENV); }
@echo "installing $(2) (the first time takes a minute or two)"
@$(PIP) install -c constraints.txt -e '.[$(1)]'
endef
