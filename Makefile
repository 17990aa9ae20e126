# SPDX-License-Identifier: Apache-2.0
# `make help` lists what can be made. Everything runs on Debian 12 with Go (go.mod says which), gcc, make and apt; what else is needed,
# the scripts fetch into $TRACE_SEC_CACHE (default: ~/.cache/trace-sec).

SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GOARCH   ?= $(shell go env GOARCH)
# Where the tracer's image is published. The plugin asks for it by digest, so what runs on a node is what was built here.
IMAGE    ?= ghcr.io/kubectl-trace-sec/tracer
ARCHIVE  := bin/tracer-image.tar
DIGEST   := bin/tracer-image.digest
# Static and reproducible: no C library, no paths of the building machine.
GO_BUILD := CGO_ENABLED=0 go build -trimpath -ldflags
NODES    ?= 2
VM       ?=
KERNELS  ?=

GO_FILES := $(shell git ls-files -co --exclude-standard '*.go' 'bpf/*.o' 'pkg/plugin/carry/starter_*' go.mod go.sum)
# The tracers that the plugin carries to nodes, whatever the processor of its own machine.
CARRIED  := $(foreach arch,amd64 arm64,pkg/plugin/carry/tracers/tracer_$(arch).gz)

.PHONY: help build generate image install cluster-up cluster-down demo test test-unit test-full test-kernels test-fuzz bench lint clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

build: bin/kubectl-trace_sec bin/trace-sec-tracer ## Build bin/kubectl-trace_sec (the plugin) and bin/trace-sec-tracer

bin/trace-sec-tracer: bin/trace-sec-tracer-$(GOARCH)
	cp $< $@

bin/trace-sec-tracer-%: $(GO_FILES)
	GOARCH=$* $(GO_BUILD) "-s -w -X main.version=$(VERSION)" -o $@ ./cmd/trace-sec-tracer

pkg/plugin/carry/tracers/tracer_%.gz: bin/trace-sec-tracer-%
	gzip -9nc $< >$@.new && mv $@.new $@

image: $(ARCHIVE) ## Write the tracer's image as an OCI archive, without a container engine
	@echo "$(ARCHIVE): $(IMAGE)@$$(cat $(DIGEST))"

$(ARCHIVE) $(DIGEST) &: bin/trace-sec-tracer
	go run ./cmd/oci-archive -name $(IMAGE):latest -arch $(GOARCH) -out $(ARCHIVE) -digest-file $(DIGEST) \
		-file bin/trace-sec-tracer=/trace-sec-tracer:0755 -- /trace-sec-tracer >/dev/null

# kubectl turns the dash of `kubectl trace-sec` into an underscore when it looks for the program.
bin/kubectl-trace_sec: $(GO_FILES) $(DIGEST) $(CARRIED)
	$(GO_BUILD) "-s -w -X main.version=$(VERSION) -X main.image=$(IMAGE)@$$(cat $(DIGEST))" -o $@ ./cmd/kubectl-trace-sec

install: bin/kubectl-trace_sec ## Put the plugin into $GOBIN
	install -m 0755 bin/kubectl-trace_sec "$$(go env GOBIN | grep . || echo "$$(go env GOPATH)/bin")/"

generate: ## Rebuild the BPF objects from bpf/*.c
	./bpf/toolchain.sh
	go generate ./bpf ./pkg/plugin/carry

cluster-up: ## Start the test cluster: NODES=2, VM=1 adds a virtual machine with another kernel
	./test/cluster/up.sh --nodes $(NODES) $(if $(VM),--vm)

cluster-down: ## Stop the test cluster; nothing is left behind
	./test/cluster/down.sh

demo: build image ## Show the tool at work in a real pod (on $KUBECONFIG's cluster, else on the test cluster)
	./test/demo.sh

test: ## Run all tests: unit, kernel, other kernels, end to end on a cluster (needs root, fetches what is missing)
	./test/run.sh

test-unit: ## Run the tests that need neither root nor a network
	./test/unit.sh

test-full: ## As test, and what takes hours: all kernels, long fuzzing, the race detector; writes test-report.txt
	./test/run.sh --full

test-fuzz: ## Run all fuzz targets: SECONDS_EACH=0, EXECUTIONS=10000 (a round)
	./test/fuzz.sh --seconds $(or $(SECONDS_EACH),0) $(EXECUTIONS)

test-kernels: ## Run the kernel tests under several kernels: KERNELS=5.10,6.1,6.12,6.18,newest
	./test/vm/run.sh $(if $(KERNELS),--kernel $(KERNELS))

bench: build image ## Measure start-up, memory and what tracing costs
	./test/bench/run.sh

lint: ## Check formats and common mistakes (Go, shell, C)
	./test/lint.sh

clean: ## Remove what was built
	rm -rf bin dist $(CARRIED)

# Tracers by architecture are kept, though only their compressed forms are asked for.
.SECONDARY:
