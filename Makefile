# make demo    an example enterprise, served on http://127.0.0.1:8780
# make test    every test
# make help    the rest

export CGO_ENABLED = 0

.PHONY: help demo build verifiers test race fuzz bench vectors lint clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/	/' | expand -t 12

demo: build ## make an example enterprise, tamper with it, serve it (DATA=folder)
	./bin/counterfoil demo --data $(or $(DATA),counterfoil-demo)

build: ## both binaries, in bin
	go build -trimpath -o bin/ ./cmd/...

verifiers: ## counterfoil-verify for evidence packs, for five platforms, in bin/verifiers
	for p in linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64; do \
		GOOS=$${p%-*} GOARCH=$${p#*-} go build -trimpath -buildvcs=false -ldflags=-s -o bin/verifiers/counterfoil-verify-$$p$$(test $${p%-*} != windows || echo .exe) ./cmd/counterfoil-verify || exit 1; \
	done

test: ## every test; installs what is missing if it may
	./scripts/test

race: ## every test under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -timeout 40m ./...

fuzz: ## every fuzz target for FUZZTIME (30s)
	./scripts/fuzz $(or $(FUZZTIME),30s)

bench: build ## measure this machine
	./bin/counterfoil bench

vectors: ## write the test vectors anew
	go test ./verify -run Vectors -update

lint: ## golangci-lint, of the version that CONTRIBUTING.md names
	golangci-lint run

clean: ## remove what was built and the demo's folder
	rm -rf bin counterfoil-demo
