# The index of what one does here. `make demo` and `make test` need Python >= 3.11, git and make; nothing else.
PYTHON ?= python3
# Where `make demo` runs executions: local or docker; for docker, run `make base-image` once before.
EXECUTOR ?= local
# How many processes `make test` has: one more than there are cores, for tests also wait for engines and servers.
WORKERS ?= $(shell expr $$(nproc) + 1)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo base-image test lint bench docs lock clean setup

demo: $(STAMP) ## Show the whole job on sample-repo/, in a scratch repository
	@$(BIN)/python tests/e2e/demo/demo.py --executor $(EXECUTOR)

base-image: $(STAMP) ## Make what containers stand on, once: needs a Docker engine, mmdebstrap and root
	@$(BIN)/caseway runtime base

test: $(STAMP) ## Run the whole suite
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(STAMP) ## Style, types, import contracts, schemas, generated docs
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m caseway.repo.schema_docs --check
	@$(BIN)/python -m caseway.repo.rules.docs --check
	@$(BIN)/python -m caseway.cli.docs --check
	@$(BIN)/python -m caseway.server.docs --check
	@$(BIN)/check-jsonschema --check-metaschema schemas/*.schema.json
	@$(BIN)/caseway validate --strict sample-repo

docs: $(STAMP) ## Write the generated pages of docs/ anew
	@$(BIN)/python -m caseway.repo.schema_docs
	@$(BIN)/python -m caseway.repo.rules.docs
	@$(BIN)/python -m caseway.cli.docs
	@$(BIN)/python -m caseway.server.docs

bench: $(STAMP) ## Measure side by side with public peers (minutes)
	@$(BIN)/python benchmarks/plan.py
	@$(BIN)/python benchmarks/startup.py

setup: $(STAMP) ## Create the virtual environment inside the clone

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Caseway needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "This Python lacks the venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV) (once) ..." >&2
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV) # one that is in use is brought up to date where it stands
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock: $(STAMP) ## Resolve and hash the dependencies anew
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		--all-extras --group dev pyproject.toml --output-file requirements-dev.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		--all-extras pyproject.toml --output-file requirements.lock

clean: ## Remove what the targets above made
	@rm -rf $(VENV) .demo .coverage .hypothesis .mypy_cache .ruff_cache .import_linter_cache dist build
