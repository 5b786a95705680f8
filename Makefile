# Everything sets itself up on first use. Needed: CPython 3.11 or newer with venv, make, and a package index.
# Another interpreter: make PYTHON=/path/to/python3.12 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NEWEST := .venv-newest
LOCK := .venv-lock
COMPARED := workload latency throughput reload memory tick
INSTALL := -m pip install --quiet --disable-pip-version-check --no-deps
LOCKED := $(INSTALL) --require-hashes --only-binary :all: -r requirements.lock
EDITABLE := $(INSTALL) --no-build-isolation --editable .
CALL_OBJECT := -DPyEval_CallObject=PyObject_CallObject
TOO_OLD := rtmd needs Python 3.11 or newer (make PYTHON=/path/to/python3 …); this one is 

# Bytecode is kept, whatever the environment says: the tests start hundreds of processes, and each would compile all anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test lint test-newest rete bench docs lock clean

run: $(READY)
	@$(BIN)/rtmd demo

test: lint
	$(BIN)/pytest -n 4 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The unit tests once more, on the newest CPython of this machine.
test-newest: $(READY)
	@newest="$$(.ci/newest-python $(BIN)/python)"; \
	if [ -z "$$newest" ]; then echo "SKIPPED: no newer CPython found"; exit 0; fi; \
	echo "again on $$newest"; \
	"$$newest" -m venv $(NEWEST) && $(NEWEST)/bin/python $(LOCKED) && $(NEWEST)/bin/python $(EDITABLE) && \
	$(NEWEST)/bin/python -m pytest -q -p no:cacheprovider tests/unit

# The extra `rete`: a C extension, so this one wants a compiler and Python's headers; CPython 3.13 and newer want the flag.
rete: $(READY)
	@$(BIN)/python -c 'import durable_rules_engine' 2>/dev/null || CPPFLAGS=$(CALL_OBJECT) \
	  $(BIN)/python $(INSTALL) --require-hashes -r requirements-rete.lock

# Small: a look at whether they work; bench/compare.py runs those that compare. docs/performance.md says how to measure.
bench: $(READY)
	@for script in $(filter-out $(COMPARED:%=bench/%.py), $(wildcard bench/[a-z]*.py)); do \
	  echo "== $$script"; RTMD_BENCH=small $(BIN)/python "$$script" || exit 1; done

# Draws docs/protocol.md anew after a change of the protocol's table.
docs: $(READY)
	$(BIN)/python docs/diagrams.py

# Exact versions with hashes of every published file, and no address. Run it on the oldest supported CPython:
# its set of packages covers the newer ones.
lock:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "make lock wants CPython 3.11")'
	$(PYTHON) -m venv $(LOCK)
	$(LOCK)/bin/python -m pip install --quiet pip-tools
	$(LOCK)/bin/pip-compile --quiet --extra dev --generate-hashes --allow-unsafe --strip-extras --no-annotate \
	  --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	  --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) $(NEWEST) $(LOCK) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(TOO_OLD)" + sys.version.split()[0])'
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(LOCKED)
	@$(BIN)/python $(EDITABLE)
	@touch $@
