# Everything a newcomer needs. The first use of a target sets up .venv from the lock files in
# requirements/; afterwards the set-up costs nothing. ARGS is passed on: make test ARGS='-k quota'.

PYTHON ?= python3
ARGS ?=

venv := .venv
python := $(venv)/bin/python
tempest := .venv-conformance
code := $(wildcard pumice tests benchmarks conformance)

# A person's pip settings (a mirror, a proxy, certificates) are kept; those that would put packages
# elsewhere or ask questions are not.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_REQUIRE_VIRTUALENV := 0
export PIP_USER := 0
pip_install := $(python) -m pip install --quiet --quiet # Errors only.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # Two targets at once would install into one .venv.
.PHONY: help run demo test check bench crash simulate conformance lock clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.* ## /\1	/p' Makefile | expand -t 14

run: $(venv)/runtime.stamp ## install the runtime only, and serve (ARGS='--port 9000')
	@$(venv)/bin/pumice serve $(ARGS)

demo: $(venv)/test.stamp ## start a fresh cloud, create a volume with the real client, show its way
	@$(venv)/bin/pumice demo $(ARGS)

test: $(venv)/test.stamp ## run all tests (ARGS='--deployment all tests/api': each on SQLite, PostgreSQL, four processes)
	@$(python) -m pytest --numprocesses logical --dist worksteal $(ARGS)

check: $(venv)/dev.stamp ## lint, format, types, import contracts, tidy
	$(python) -m ruff check --quiet $(code)
	$(python) -m ruff format --quiet --check $(code)
	$(python) -m mypy --no-error-summary $(code)
	$(venv)/bin/lint-imports --no-logo
	$(python) -m pytest --quiet tests/tidy

bench: $(venv)/test.stamp ## measure, beside the targets and the machine's limits
	@$(python) -m benchmarks $(ARGS)

crash: $(venv)/test.stamp ## break a loaded cloud for real, and look for what was lost (ARGS='--scenario failover')
	@$(python) -m tests.crash $(ARGS)

simulate: $(venv)/test.stamp ## run the whole program under seeds (SEEDS=1..20000, 42 or +500; ARGS=--planted)
	@$(python) -m tests.simulation $(SEEDS:%=--seeds %) $(ARGS)

conformance: $(venv)/runtime.stamp $(tempest)/conformance.stamp ## run Tempest against a fresh cloud (ONLY=volume TESTS=regex)
	@$(python) -m conformance --tempest $(tempest) $(ONLY:%=--only %) $(if $(TESTS),--tests '$(TESTS)') $(ARGS)

lock: $(venv)/dev.stamp ## write requirements/*.txt anew from pyproject.toml (ARGS=--upgrade)
	$(build_requires) | $(call lock,dev,pyproject.toml - --extra test --extra dev)
	$(build_requires) | $(call lock,build,- --constraints requirements/dev.txt)
	$(call lock,runtime,pyproject.toml --constraints requirements/dev.txt)
	$(call lock,test,pyproject.toml --extra test --constraints requirements/dev.txt)
	$(call lock,conformance,--group conformance)

clean: ## remove the environments and what the tools left behind
	rm -rf $(venv) $(tempest) dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(code) -type d -name __pycache__ -prune -exec rm -rf {} +

# dev.txt holds every package; the other sets are cut out of it, so that all have equal versions.
build_requires := @$(python) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")'
lock = $(python) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --annotation-style line \
	--custom-compile-command 'make lock' --output-file requirements/$(1).txt $(2) $(ARGS)

# One stamp for each set of packages that .venv holds; a larger set covers the smaller ones.
covers_runtime := runtime
covers_test := test runtime
covers_dev := dev test runtime

# Each package exactly as the lock file has it, or not at all; wheels only, so no compiler is needed.
$(venv)/%.stamp: requirements/%.txt requirements/build.txt pyproject.toml $(venv)/created.stamp
	@echo "Installing the $* packages into $(venv) ..."
	@$(pip_install) --require-hashes --only-binary :all: -r requirements/build.txt -r $<
	@$(pip_install) --no-build-isolation --no-deps --editable .
	@touch $(covers_$*:%=$(venv)/%.stamp)

# Tempest has a place of its own: it brings packages that Pumice does not want beside it.
$(tempest)/conformance.stamp: requirements/conformance.txt | $(venv)/created.stamp
	@echo "Installing Tempest into $(tempest) ..."
	@$(PYTHON) -m venv --clear $(tempest)
	@$(tempest)/bin/python -m pip install --quiet --quiet --require-hashes --only-binary :all: -r $<
	@touch $@

$(venv)/created.stamp:
	@command -v $(PYTHON) >/dev/null \
		|| { echo "make: $(PYTHON) is missing: apt-get install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "make: Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) -V 2>&1): name another one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "make: python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(venv)
	@touch $@
