# Musubi: what one does with this repository. `make help` lists it.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X github.com/musubi-net/musubi/internal/cli.version=$(VERSION)
SOURCES  := $(shell find cmd internal -name '*.go' -not -name '*_test.go') go.mod go.sum
LINT     := $(GO) tool -modfile=tools/go.mod golangci-lint

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: bin/musubi ## Build bin/musubi, one static binary

bin/musubi: $(SOURCES)
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/musubi

# The stock client of Session Manager, for the tests.
bin/session-manager-plugin: test/plugin/go.mod test/plugin/go.sum
	@mkdir -p bin
	cd test/plugin && $(GO) build -trimpath -o ../../$@ github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main

.PHONY: demo
demo: bin/musubi ## Start Musubi, apply examples/cross-zone, show cross-zone off and on
	@./examples/cross-zone/demo.sh

.PHONY: demo-alb
demo-alb: bin/musubi ## The same for examples/alb-across-accounts: an ALB of another account, with TLS
	@./examples/alb-across-accounts/demo.sh

.PHONY: demo-alone
demo-alone: bin/musubi ## The same for examples/no-way-out: AWS's APIs and Session Manager without a gateway
	@./examples/no-way-out/demo.sh

.PHONY: test
test: bin/musubi bin/session-manager-plugin lint ## Run every check: lint, unit, kernel, end to end
	$(GO) test -race -timeout 20m ./cmd/... ./internal/... ./bench/...
	$(GO) test -timeout 40m -parallel 6 ./test/...
	cd test/sdk && $(GO) test -timeout 10m ./...

.PHONY: test-short
test-short: ## Run the unit and kernel tests without the race detector
	$(GO) test ./cmd/... ./internal/...

.PHONY: lint
lint: ## gofmt, go vet and golangci-lint
	@test -z "$$(gofmt -l cmd internal test bench)" || { gofmt -l cmd internal test bench; echo 'run gofmt -w on these'; exit 1; }
	$(GO) vet ./...
	cd test/probe && $(GO) vet ./...
	$(LINT) run

.PHONY: bench
bench: ## Compare the PrivateLink path and the load balancers with plain routing, HAProxy and nginx
	$(GO) run ./bench

.PHONY: bench-instances
bench-instances: bin/musubi ## Measure what 300 instances cost in time, memory and processor
	$(GO) run ./bench/instances -count 300

.PHONY: generate
generate: ## Regenerate the AWS shapes from the API models
	$(GO) generate ./...

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
