# What a person types. Each target is one script in .ci/ that sets up what it needs.
#
#   make demo ARGS="--threads 8"       arguments for the demo
#   make test ARGS="-k mutex -x"       arguments for pytest
#   make PYTHON=/path/to/python …      that interpreter, in the place of the kind (GIL or free-threaded) that it is

.PHONY: help demo build quick test docs lint templates stubs wheel bench samples check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## a counter that loses updates, and those that do not, without the GIL if possible
	@.ci/demo $(ARGS)

build: ## the package for the default Python, in build/env: only what has changed
	@.ci/build $(ARGS)

quick: ## builds what has changed, and runs the tests that take little, up to the first failure
	@.ci/quick $(ARGS)

test: ## all tests on a free-threaded Python, those that are not slow on the default one
	@.ci/test $(ARGS)

docs: ## the documentation, into build/docs/html; ARGS=--external asks the links that lead outside
	@.ci/docs $(ARGS)

lint: ## Python, Cython, C, workflows: linters and formatters; ARGS=--fix repairs
	@.ci/lint $(ARGS)

templates: ## write what is generated from the templates (*.in)
	@bash -c '. .ci/common.sh; python=$$(env_python default lint) && "$$python" .ci/templates.py'

stubs: ## the type stubs against the modules
	@.ci/stubs

wheel: ## sdist and wheel into dist/, checked, installed and tried
	@.ci/wheel

bench: ## every benchmark on every interpreter here, into benchmarks/results (long)
	@.ci/bench $(ARGS)

samples: ## the outputs and the chart that the pages show, anew (on a machine that is quiet)
	@.ci/samples

check: ## everything that CI checks
	@.ci/run

clean: ## remove what was built here (not the interpreter in the cache)
	rm -rf build dist *.egg-info .ruff_cache .mypy_cache .pytest_cache
	find atomicpy tests benchmarks .ci -name __pycache__ -prune -exec rm -rf {} +
