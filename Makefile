# Two commands matter: `make demo` and `make test`. Everything else is for people who work on the code.
# ARGS are handed on, for example: make demo ARGS="--headless --assets 60 --history 45d --seed 7 --json out.json"

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
WORKERS ?= 2

.PHONY: setup setup-tests demo test check bench soak requirements clean

setup: .venv/run-ready

.venv/run-ready: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "serviceday needs Python 3.11 or newer; point PYTHON at one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
		{ echo "the venv module is missing (Debian: apt-get install python3-venv)" >&2; exit 2; }
	@echo "Installing the pinned requirements into .venv (a minute or two) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

.venv/dev-ready: .venv/run-ready requirements/dev.txt
	@echo "Installing the pinned test tools into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# Servers and a browser the tests really use; tests/debian.sh says what is missing if it may not install them.
setup-tests: .venv/dev-ready
	@sh tests/debian.sh

demo: setup
	@exec $(BIN)/serviceday demo $(ARGS)

test: setup-tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -n $(WORKERS) -m "not soak" $(ARGS)

check: .venv/dev-ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -n $(WORKERS) -m "not slow and not soak" $(ARGS)

bench: setup-tests
	@$(BIN)/python -m benchmarks $(ARGS)

soak: setup-tests
	@$(BIN)/pytest -m soak -s $(ARGS)

# Pin anew: names, versions and hashes only, never an index address. What runs is what was tested.
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	--python-version 3.11 pyproject.toml --group build
requirements:
	$(COMPILE) --group dev -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE) --extra notify -c requirements/dev.txt -o requirements/notify.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
