# make test     everything that decides about a change (.ci/run does just this)
# make build    the static binary bin/ostiary
# make fmt      format the source; make lint: look for mistakes
# make bench    compare with a bare reverse proxy; BENCH=-help tells how else
# make parts    install what the tests run against
# make crash    10,000 kill -9 on each storage; the tests make do with 100
# make images   the pictures of the documentation, taken anew

MAIN     := ./cmd/ostiary
BINARY   := bin/ostiary
MAX_SIZE := 40000000
TIMEOUT  := 20m
FUZZ     := 20000

tool = go tool -modfile=tools/go.mod $(1)

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.PHONY: test parts format vet lint build fuzz race fmt bench crash images clean

test: parts format vet lint build fuzz race

parts:
	@.ci/parts

format:
	@unformatted=$$($(call tool,gofumpt) -l .); \
		test -z "$$unformatted" || { echo "not formatted, make fmt does it:" $$unformatted; exit 1; }

vet:
	go vet ./...

lint:
	$(call tool,golangci-lint) run ./...

build:
	CGO_ENABLED=0 go build ./...
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o $(BINARY) $(MAIN)
	@size=$$(wc -c < $(BINARY)); echo "$(BINARY): $$size bytes"; \
		test $$size -le $(MAX_SIZE) || { echo "larger than $(MAX_SIZE) bytes"; exit 1; }

fuzz:
	@.ci/fuzz $(FUZZ)

# Last, so that a run ends with go test's own word; -count=1: run, not cached.
race:
	go test -race -count=1 -timeout $(TIMEOUT) ./...

fmt:
	$(call tool,gofumpt) -w .

bench:
	go run ./bench $(BENCH)

crash: parts
	go test ./e2e -run TestNothingPromisedIsBrokenByKilling -timeout 24h -args -crash.cycles 10000

images: parts
	go test ./e2e -run TestScreenshots -args -screenshots "$(CURDIR)/docs/images"

clean:
	rm -rf bin bench/out e2e/npm/node_modules
