SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OPA_VERSION := v1.21.1
PARALLEL := --numprocesses 2 --dist loadfile
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sharing-gateway/bin
export PATH := $(abspath $(BIN)):$(PATH):$(TOOLS)

.PHONY: help setup demo test soak check lint bench programs opa go-connector go-clients jdbc-client python-clients proto proto-check lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.complete ## .venv with pinned dependencies and an editable install

$(VENV)/.complete: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup ## the whole story on real components; ends by itself
	$(BIN)/gateway demo

test: setup programs ## all tests, two files at a time
	$(BIN)/python -m pytest $(PARALLEL)

soak: setup programs ## the long loops at full length
	SOAK=1 FUZZ_EXAMPLES=5000 $(BIN)/python -m pytest $(PARALLEL) --timeout 3600

check: lint test ## every check, then the tests

lint: setup opa proto-check
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	buf lint
	buf format --diff --exit-code
	gateway policy test

bench: setup ## benchmarks beside their baselines in the same run; writes bench.json
	$(BIN)/python -m tests.benchmarks

programs: opa go-connector go-clients jdbc-client python-clients ## what only tests need, as far as it can be built here

opa: ## install the OPA server binary with Go, when there is none and Go is there
	@command -v opa > /dev/null || ! command -v go > /dev/null || \
	  GOBIN=$(TOOLS) GOFLAGS=-buildvcs=false go install github.com/open-policy-agent/opa@$(OPA_VERSION) || \
	  echo "opa could not be installed; tests that need it are skipped"

GO_STUBS = $(foreach kind,go go-grpc,--plugin=build/go/protoc-gen-$(kind) --$(kind)_out=connectors/examples/go \
  --$(kind)_opt=module=sharing.example/connector --$(kind)_opt=M$(1)=sharing.example/connector/pb/$(2))

go-connector: setup ## build the example connector in Go into build/go, when Go is there
	@! command -v go > /dev/null || $(MAKE) --no-print-directory build-go-connector || \
	  echo "the connector in Go could not be built; tests that need it are skipped"

.PHONY: build-go-connector
build-go-connector:
	mkdir -p build/go
	cd connectors/examples/go && go build -o $(abspath build/go)/ google.golang.org/protobuf/cmd/protoc-gen-go \
	  google.golang.org/grpc/cmd/protoc-gen-go-grpc
	for service in connector registry; do \
	  python -m grpc_tools.protoc --proto_path=proto $(call GO_STUBS,sharing/$$service/v1/$$service.proto,$$service) \
	    sharing/$$service/v1/$$service.proto; done
	cd connectors/examples/go && go vet ./... && go build -buildvcs=false -o $(abspath build/go)/connector .

go-clients: ## build the ADBC client in Go and the ADBC project's validation suite into build/go, when Go is there
	@! command -v go > /dev/null || (mkdir -p build/go && cd tests/clients/go && go vet ./... && \
	  go build -buildvcs=false -o $(abspath build/go)/adbc-client ./client && \
	  go test -c -o $(abspath build/go)/adbc-validation ./validation) || \
	  echo "the clients in Go could not be built; tests that need them are skipped"

jdbc-client: ## fetch the Flight SQL JDBC driver and build its client into build/jdbc, when Maven is there
	@! command -v mvn > /dev/null || mvn --quiet --batch-mode --file tests/clients/jdbc/pom.xml package || \
	  echo "the JDBC client could not be built; tests that need it are skipped"

python-clients: build/python/.complete ## install pandas and polars into build/python, beside the environment: pyarrow would load them everywhere

build/python/.complete: tests/clients/requirements.lock | setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --upgrade \
	  --target build/python --requirement $< && touch $@ || \
	  echo "pandas and polars could not be installed; tests that need them are skipped"

proto: setup ## regenerate proto/sharing_stubs
	rm -rf proto/sharing_stubs
	$(MAKE) --no-print-directory proto-into OUT=proto/sharing_stubs

proto-check: setup
	rm -rf build/stubs
	$(MAKE) --no-print-directory proto-into OUT=build/stubs > /dev/null
	diff --recursive --exclude=__pycache__ build/stubs proto/sharing_stubs

.PHONY: proto-into
proto-into:
	mkdir -p $(OUT)
	python -m grpc_tools.protoc --proto_path=proto --python_out=$(OUT) --pyi_out=$(OUT) --grpc_python_out=$(OUT) \
	  --mypy_grpc_out=quiet:$(OUT) $$(cd proto && find sharing arrow -name '*.proto' | sort)
	find $(OUT) -name '*.py*' | xargs sed -i -E 's/^from (sharing|arrow)\./from sharing_stubs.\1./'
	find $(OUT) -type d -exec touch {}/__init__.py \;

lock: ## pin the newest versions that fit pyproject.toml
	python -m pip install --quiet uv
	uv pip compile pyproject.toml --extra server --extra local --extra dev --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-header --no-annotate --output-file requirements.lock
