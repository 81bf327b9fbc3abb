# make demo   the main job for real: three hosts, a plaintext cluster, encrypted
# make test   all tests; as root on Linux with the rehearsal lab
# make check  format, vet, lint, generated files, short tests
# make docs   the reference pages of docs/steps
# make fuzz   all fuzz targets, each for FUZZTIME (150s), of FUZZPKG (all)
# make bench  ratios, measured in one run; as root on Linux (BENCH=full: an hour)

GO      ?= go
LABDIR  ?= $(or $(LOCKSTEP_LAB_DIR),/tmp/lockstep-lab)
ROOT    := $(shell [ "$$(id -u)" = 0 ] && [ "$$(uname)" = Linux ] && echo yes)
SOURCES := $(shell find . -name '*.go' -o -name '*.md' -o -name '*.sh' -o -name go.mod | grep -v '^./bin/')

.PHONY: demo test check docs bench fuzz lab-up lab-down build

build: bin/lockstep bin/lockstep-lab

bin/lockstep: $(SOURCES)
	$(GO) build -o $@ ./cmd/lockstep

bin/lockstep-lab: $(SOURCES)
	$(GO) build -o $@ ./cmd/lockstep-lab

bin/bench: $(SOURCES)
	$(GO) build -o $@ ./bench

bin/golangci-lint: tools/go.mod
	$(GO) build -C tools -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

demo: build
	./examples/demo.sh

check: bin/golangci-lint
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "gofmt would change:"; echo "$$bad"; exit 1; }
	$(GO) vet ./...
	./bin/golangci-lint run ./...
	$(GO) mod verify
	$(GO) test -race -short ./...

ifeq ($(ROOT),yes)
test: build
	./bin/lockstep-lab up --dir $(LABDIR)
	LOCKSTEP_LAB=1 LOCKSTEP_LAB_DIR=$(LABDIR) $(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v '/cmd/lockstep$$')
	LOCKSTEP_LAB=1 LOCKSTEP_LAB_DIR=$(LABDIR) $(GO) test -race -timeout 70m ./cmd/lockstep
	./bin/lockstep-lab down --dir $(LABDIR)
else
test:
	@echo "not root on Linux: the tests on real hosts are left out"
	$(GO) test -race ./...
endif

docs:
	$(GO) test -count=1 -run '^TestReferencePages$$' ./cmd/lockstep -update

bench: bin/lockstep bin/bench
	$(GO) test -run '^$$' -bench . -benchmem ./...
	./bin/bench $(if $(filter full,$(BENCH)),-full)

# The four targets of the option files take ten minutes together.
fuzz:
	@for pkg in $$($(GO) list $(or $(FUZZPKG),./...)); do \
	  dir=$$($(GO) list -f '{{.Dir}}' $$pkg); \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go 2>/dev/null | sed 's/func //'); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(or $(FUZZTIME),150s) $$pkg || exit 1; \
	  done; done

lab-up: bin/lockstep-lab
	./bin/lockstep-lab up --dir $(LABDIR)

lab-down: bin/lockstep-lab
	./bin/lockstep-lab down --dir $(LABDIR)
