# make without a target says what there is.
.DEFAULT_GOAL := help

# Runs a command beside a private PostgreSQL, found or installed; fails when it cannot be had.
WITH_POSTGRES := go run ./store/storetest/withpg

# Tests may install the browser that they need; without it those that do are skipped, or fail where CI is set.
WITH_BROWSER := BROWSER_INSTALL=1

# Tools have a module file of their own, so that none of their dependencies is one of ours.
TOOL := go tool -modfile=.ci/tools.mod

# One package's tests may take this long before go test prints where each goroutine stands.
TIMEOUT := 15m

.PHONY: help
help: ## say what there is
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build and serve, with the embedded database and the sandbox, and print what to try
	./bin/booking serve

.PHONY: build
build: ## build bin/booking
	go build -trimpath -o bin/booking .

.PHONY: test
test: ## all tests, on SQLite and on PostgreSQL, and in a browser (each found or installed)
	$(WITH_BROWSER) $(WITH_POSTGRES) go test -timeout $(TIMEOUT) ./...

.PHONY: race
race: ## the same under the race detector; needs a C compiler
	@command -v $$(go env CC) >/dev/null || { echo "make race needs a C compiler (gcc)" >&2; exit 1; }
	CGO_ENABLED=1 $(WITH_POSTGRES) go test -race -timeout $(TIMEOUT) ./...

.PHONY: e2e
e2e: ## only the end-to-end tests: the whole service over HTTP, and its pages in a browser; RUN=Browser for those alone
	$(WITH_BROWSER) $(WITH_POSTGRES) go test -count=1 -timeout $(TIMEOUT) -v -run '$(or $(RUN),.)' .
	@echo "pictures of the pages, on a phone and at a desk, light and dark:"; ls -d $(CURDIR)/bin/screens/*.png 2>/dev/null | sed 's/^/  /'

.PHONY: jetstream
jetstream: ## the tests of the whole service again, with the engine jetstream; SKIP= for those in a browser, too
	TEST_ENGINE=jetstream $(WITH_POSTGRES) go test -count=1 -timeout $(TIMEOUT) -skip '$(SKIP)' .

SKIP ?= InABrowser

FUZZTIME ?= 10s

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (10s), a few side by side
	$(WITH_POSTGRES) go run ./.ci/fuzz -time $(FUZZTIME)

CHECKS ?= 200
MACHINES = $(sort $(dir $(shell find . -name '*_machine_test.go')))

.PHONY: properties
properties: ## the state machines against their models, CHECKS (200) runs of each on both databases
	$(WITH_POSTGRES) go test -count=1 -timeout 60m -run 'Machine$$' $(MACHINES) -rapid.checks=$(CHECKS)

.PHONY: sim
sim: ## the promises under crashes, in simulated time; SCHEDULES=50000 for more, FIRST=1 the first seed, ENGINE=jetstream for one engine
	nice -n 19 go test ./sim -count=1 -timeout 4h -v -run '^TestProof' -proof -schedules $(or $(SCHEDULES),2000) -first $(or $(FIRST),1)$(if $(ENGINE), -engine $(ENGINE))

.PHONY: bench
bench: build ## measure it on this machine; SCENARIO="engine accept" for some, ARGS="--json --runs 1" for more: bin/booking bench --help
	./bin/booking bench $(SCENARIO) $(ARGS)

.PHONY: benchmarks
benchmarks: ## the Go benchmarks once, so that they keep working; measure with make bench
	$(WITH_POSTGRES) go test -run '^$$' -bench . -benchtime 1x -timeout $(TIMEOUT) ./...

.PHONY: chaos
chaos: ## kill, pause and starve the real process under load: FORM=long for hours of it, CASE=regexp for some, ARGS="-chaos.report=FILE" for more
	go test ./chaos -v -count=1 -timeout $(if $(filter long,$(FORM)),4h,20m) -run '$(or $(CASE),.)' -chaos=$(or $(FORM),short) $(ARGS)

.PHONY: fleet
fleet: build ## a fleet of processes on this machine that loses parts while it works: ARGS="-bookings 2000 -rate 100", or -keep to look around
	go run ./chaos/fleet $(ARGS)

.PHONY: vet
vet: ## go vet
	go vet ./...

.PHONY: lint
lint: ## golangci-lint, with the reasons in .golangci.yml
	$(TOOL) golangci-lint run
	@.ci/lintprobe/check $(TOOL) golangci-lint

.PHONY: sbom
sbom: build ## write bin/sbom.cdx.json: the modules in bin/booking, as CycloneDX
	go run ./.ci/sbom bin/booking booking/web/assets/vendor/vendored.json >bin/sbom.cdx.json

.PHONY: licences
licences: ## write bin/licences.txt: what is linked under which licence; fails on one that is not accepted
	@mkdir -p bin
	go test ./.ci/licences
	go run ./.ci/licences -pages booking/web/assets/vendor/vendored.json . >bin/licences.txt

.PHONY: generate
generate: ## write again what is generated from the specification and the flow
	go generate ./...

.PHONY: proof
proof: ## make sim and make chaos side by side: the one computes, the other mostly waits
	$(MAKE) --jobs=2 --keep-going --output-sync=target sim chaos

.PHONY: ci
ci: ## exactly what continuous integration runs; a failure does not keep the rest from being tried
	$(MAKE) --keep-going build vet lint sbom licences test jetstream benchmarks race fuzz properties proof
