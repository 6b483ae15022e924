# The one entry to building, running and testing; .ci/run calls only these targets.
.DEFAULT_GOAL := help
.PHONY: help run test bench lint compat soak wheel npm bench-python bench-node bench-embed

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build lockgate and run its demo: simulated providers, no key, no database, no network.
	@echo "Building lockgate (the first time takes a few minutes), then running its demo."
	@echo "Nothing to install: providers are simulated, the store is a temporary file."
	cargo build --locked --package lockgate-server
	cargo run --locked --quiet --package lockgate-server -- demo

test: ## Provision what the tests need, then run every suite. SUITES="rust node-openai6" picks.
	@tests/run $(SUITES)

bench: ## Time each stage, then whole requests beside the least they could cost. PART=semantic picks. Builds for minutes.
	@tests/bench $(PART)

lint: ## Formatting, clippy, docs, dependency policy, scripts, Python and Node sources.
	@tests/lint/run

compat: ## The wide matrix: frameworks on the Python package, each in an environment of its own.
	@tests/run frameworks-openai2 frameworks-openai3

soak: ## The same tests at higher counts: random scripts, kills, cancelled calls. RUNS="limiter python" picks.
	@tests/soak $(RUNS)

wheel: ## Build the release wheel of the Python package into dist/.
	@tests/wheel

bench-python: ## Time the Python package against the bare SDK and a bare client, on one simulator in one run.
	@tests/bench-python

npm: ## Pack the release of the Node package for this machine into dist/, and try it.
	@tests/npm

bench-node: ## Time the Node package against the bare SDK and a bare fetch, on one simulator in one run.
	@tests/bench-node

bench-embed: ## Time the embedding model on every kernel beside ONNX Runtime, one thread each, in one run.
	@tests/bench-embed
