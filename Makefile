# Everything that a contributor and the CI do, on a machine with Python >= 3.11 and make.
# `make help` lists the targets. `make PYTHON=/path/to/python3.12 test` names the Python to build .venv with.

PY := .venv/bin/python
READY := .venv/ready
PROTOS := $(wildcard proto/raakvlak_protocol/v1/*.proto)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test slow check format protos protos-check contract contract-check openapi openapi-check roles roles-check pictures kills bench lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(READY) ## make .venv and install the locked libraries into it (every other target does it when needed)

# Two steps: pip refuses hashes together with an editable install. The second one downloads nothing, because the
# lock has the build backend too. Keeps a .venv that stands there already.
$(READY): requirements.lock pyproject.toml | .venv/bin/pip
	@echo 'installing the locked libraries into .venv (about a minute the first time)' >&2
	@$(PY) -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements.lock
	@PYTHONWARNINGS=ignore $(PY) -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/bin/pip:
	@python=$$(scripts/find-python $(PYTHON)) && { "$$python" -m venv .venv || { rm -rf .venv; \
	  echo "make: $$python could not make a virtual environment, so nothing can be installed;" \
	    "on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }; }

demo: $(READY) ## a whole federation with its pages, 2,000 invented cases; runs until Ctrl-C (EXIT=--exit: ends with reports)
	@test -e demo/people.csv || \
	  .venv/bin/raakvlak-local population demo --cases 2000 --organisations 5 --seed 1
	@exec .venv/bin/raakvlak-local run demo --data demo/data $(EXIT)

test: $(READY) ## the tests, but for the slow ones; on all cores
	@$(PY) -m pytest -n auto --dist loadgroup -m 'not slow'

slow: $(READY) ## the slow tests: federations by their commands, long attacks, a browser, peers in other languages
	@$(PY) -m pytest -n auto --dist loadgroup -m 'slow' --ignore=tests/kill

check: $(READY) protos-check contract-check openapi-check roles-check ## style, types, imports between packages, generated files
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: $(READY) ## mend what ruff can mend by itself
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

protos: $(READY) ## generate the Python modules of the .proto files
	@$(PY) -m grpc_tools.protoc -I proto --python_out=proto --pyi_out=proto $(PROTOS)

protos-check: $(READY) ## fail when `make protos` would change something
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	  $(PY) -m grpc_tools.protoc -I proto --python_out="$$fresh" --pyi_out="$$fresh" $(PROTOS) && \
	  diff -r -x '*.proto' -x '__*__*' -x py.typed "$$fresh/raakvlak_protocol/v1" proto/raakvlak_protocol/v1 >&2 || \
	  { echo 'make: the generated modules are not those of the .proto files; run: make protos' >&2; exit 1; }

contract: $(READY) ## write docs/contract.md: each field that crosses the wire, its data class and purpose
	@$(PY) -m raakvlak_protocol.contract_page > docs/contract.md.new && mv docs/contract.md.new docs/contract.md

contract-check: $(READY) ## fail when `make contract` would change something
	@$(PY) -m raakvlak_protocol.contract_page | diff docs/contract.md - >&2 || \
	  { echo 'make: docs/contract.md is not that of the .proto files; run: make contract' >&2; exit 1; }

openapi: $(READY) ## write node/openapi.json: the node's REST API
	@$(PY) -m raakvlak_node.rest > node/openapi.json.new && mv node/openapi.json.new node/openapi.json

openapi-check: $(READY) ## fail when `make openapi` would change something
	@$(PY) -m raakvlak_node.rest | diff node/openapi.json - >&2 || \
	  { echo 'make: node/openapi.json is not that of the code; run: make openapi' >&2; exit 1; }

roles: $(READY) ## write docs/roles.md: who may open which page, and do what on it
	@$(PY) -m raakvlak_node.pages.roles_page > docs/roles.md.new && mv docs/roles.md.new docs/roles.md

roles-check: $(READY) ## fail when `make roles` would change something
	@$(PY) -m raakvlak_node.pages.roles_page | diff docs/roles.md - >&2 || \
	  { echo 'make: docs/roles.md is not that of the code; run: make roles' >&2; exit 1; }

pictures: $(READY) ## draw docs/pictures anew: the pages in a browser, of an invented family on an invented morning
	@$(PY) -m tests.browser.pictures

kills: $(READY) ## kill node, index and key holder 50 times at random points 
	@RAAKVLAK_KILLS=$${RAAKVLAK_KILLS:-50} $(PY) -m pytest tests/kill

bench: $(READY) ## the benchmarks, with their floors and goals
	@for bench in oprf publish end_to_end audit pages region; do $(PY) -m tests.bench $$bench --json || exit 1; done

# With the oldest Python supported: what only that one needs is then in the lock too, and does no harm elsewhere.
# The file names no index and no folder, so that it holds wherever the packages come from.
lock: $(READY) ## renew requirements.lock to the newest versions that pyproject.toml allows
	@$(PY) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "make lock needs a .venv of Python 3.11: \
	the lock has to hold for it too; run: make clean && make PYTHON=python3.11 lock")'
	@CUSTOM_COMPILE_COMMAND='make lock' $(PY) -m piptools compile --quiet --upgrade --extra dev \
	  --build-deps-for editable --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --output-file requirements.lock pyproject.toml

clean: ## remove .venv, the demo and every cache; keeps what git knows
	rm -rf .venv demo build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf tests/peers/node_modules tests/peers/.venv
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -maxdepth 2 -name '*.egg-info' -type d -prune -exec rm -rf {} +
