# Everything that is done with this repository. `make` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

export CGO_ENABLED ?= 0
GOARCH ?= arm64
FUNCTIONS := $(patsubst functions/%/main.go,%,$(filter-out functions/tagalong/%,$(wildcard functions/*/main.go)))
LDFLAGS := -s -w
DIST ?= dist
NUMBERS := functions/internal/NUMBERS.md

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Run the main job on the embedded sandbox: a release story, step by step
	@go run ./functions/tagalong sandbox

.PHONY: test
test: ## Run all tests that need nothing but Go
	go test -timeout 30m ./...

.PHONY: explore
explore: TIMES ?= 20
explore: ## Check every property on many stories that no run before has drawn (about a quarter of an hour; TIMES=20)
	go test -timeout 60m -count=$(TIMES) $$(grep -rl --include=*_test.go pgregory.net/rapid functions | xargs -n1 dirname | sort -u | sed 's|^|./|')

.PHONY: build
build: functions cli ## Build dist/: a zip for each function (GOARCH=arm64 or amd64) and the CLI for this machine

.PHONY: functions
functions: $(FUNCTIONS:%=$(DIST)/%.zip) $(DIST)/build.json ## Build the functions' zips alone

.PHONY: cli
cli: $(DIST)/tagalong ## Build dist/tagalong alone, the CLI for this machine

# lambda.norpc leaves out net/rpc, and with it a fifth of the binary; nethttpomithttp2
# leaves out HTTP/2, which no function speaks, and 3 % of the archive; the SDK's
# generated code is not inlined, which takes off another 3 %, nor are the elements of the
# page, of 0.1 MB of 0.35 in history, nor our own code, 1.5 %, but for the folding of
# facts, which a service's whole history may go through. The zip's time stamps are fixed,
# so that the same source gives the same zip.
# The Go toolchain knows what has changed.
TAGS := lambda.norpc,nethttpomithttp2
OURS := github.com/tagalong-aws/tagalong
NOINLINE := -gcflags='github.com/aws/...=-l' -gcflags='maragu.dev/...=-l' -gcflags='$(OURS)/...=-l' \
	-gcflags='$(OURS)/functions/internal/timeline=' -gcflags='$(OURS)/functions/internal/decide='
$(DIST)/%.zip: always
	@mkdir -p $(DIST)/$*
	GOOS=linux GOARCH=$(GOARCH) go build -trimpath -tags $(TAGS) $(NOINLINE) -ldflags '$(LDFLAGS)' -o $(DIST)/$*/bootstrap ./functions/$*
	GOARCH= go run ./functions/internal/dev/zip $(DIST)/$*.zip $(DIST)/$*/bootstrap
	@rm -r $(DIST)/$*

# What the module and tagalong doctor want to know of the zips.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
$(DIST)/build.json: always
	@printf '{"version": "%s", "architecture": "%s"}\n' '$(VERSION)' $(if $(filter amd64,$(GOARCH)),x86_64,arm64) >$@

$(DIST)/tagalong: always
	GOARCH= go build -trimpath -ldflags '$(LDFLAGS) -X main.release=$(VERSION)' -o $(DIST)/tagalong ./functions/tagalong

.PHONY: release
release: ## Write dist/release: the module and the CLI for all platforms, sums, SBOM, notes: VERSION=v1.2.3
	.ci/release $(VERSION)

.PHONY: always
always:

.PHONY: conformance
conformance: ## Run the contract suites on DynamoDB Local and on MiniStack (fetches both; needs Java, Maven and Python)
	.ci/dynamodb-local go test -count=1 -tags conformance ./functions/internal/sandbox/dynamodb/... ./functions/internal/dynamo/...
	.ci/ministack go test -count=1 -tags conformance ./functions/internal/sandbox/dynamodb/... ./functions/internal/dynamo/... ./functions/internal/ecr/...

# The emulator runs the functions on this machine, so their zips are of its
# architecture, and not where make deploy would take them for those of AWS. The
# functions' own tests go first: what they call is held against the policies, too.
CALLS := $(CURDIR)/.cache/calls
.PHONY: e2e
e2e: ## Install infra/ on MiniStack with Terraform and send events through it (fetches MiniStack; needs Terraform and Python)
	@command -v terraform >/dev/null || { echo "e2e: terraform is missing: https://developer.hashicorp.com/terraform/install"; exit 1; }
	$(MAKE) build DIST=.cache/e2e GOARCH=$$(go env GOHOSTARCH)
	rm -rf $(CALLS) && mkdir -p $(CALLS)
	SANDBOX_CALLS=$(CALLS) go test -count=1 $(FUNCTIONS:%=./functions/%) ./functions/internal/boot/wiring/...
	SANDBOX_CALLS=$(CALLS) .ci/ministack --program infra/tests/e2e/bridge.py go test -count=1 -timeout 10m -tags e2e -v ./functions/internal/e2e

.PHONY: api
api: ## Lint the API's description, and ask the API whatever it describes (fetches both tools; needs Node.js and Python)
	.ci/redocly
	.ci/schemathesis

.PHONY: page
page: ## Look at the page with a browser: by keyboard, without scripts, by axe-core (fetches Chromium and axe-core; needs Node.js)
	.ci/page go test -count=1 -tags page -run 'Axe|Keyboard|Scripts|Slider|Hostile|AtOnce|PictureOfThePage' ./functions/internal/page ./functions/tagalong

.PHONY: picture
picture: ## Take the README's picture of the page anew, and pictures of all its views for people to look at (.cache/page)
	.ci/page go test -count=1 -tags page -run TestThePictureOfThePage ./functions/tagalong -update
	.ci/page go test -count=1 -tags page -run TestPictures ./functions/internal/page

.PHONY: bench
bench: build ## Measure, and write the tables into functions/internal/NUMBERS.md (fetches DynamoDB Local; needs Java and Maven)
	.ci/dynamodb-local go run ./functions/internal/dev/bench $(NUMBERS) dist

.PHONY: papers
papers: ## Write what the READMEs show of the command: its picture, its examples, the module's inputs, outputs, permissions and bill
	go test -count=1 -run 'TestThePicture|TestTheReadmesShow' ./functions/tagalong -update
	go test -count=1 -run TestTheBill ./functions/internal/costs -update
	go test -count=1 -run 'TestTheModulesReadmeHasItsInputsAndOutputs|TestSecuritySays' ./functions/internal/dev -update

.PHONY: check
check: ## Vet, format, staticcheck, and actionlint for the workflows
	go vet ./...
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "gofmt: these files want formatting"; exit 1; }
	go tool staticcheck ./...
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: fence
fence: ## Stop a handler at every call it makes while another runs, and print how many schedules there were
	go test -count=1 -v -run TestEverySchedule ./functions/internal/fence | grep -v '^=== '

.PHONY: fence-deep
fence-deep: ## The same with both handlers stopped at every pair of their calls (ten minutes)
	go test -count=1 -timeout 60m -v -run TestEverySchedule ./functions/internal/fence -deep | grep -v '^=== '

# SEEDS are as many years, FIRST is the seed of the first.
SEEDS ?= 10
FIRST ?= 1
.PHONY: simulate
simulate: ## Let ten years of 10,000 rollouts lose a fifth of their events, sweep once, and write the table into functions/internal/NUMBERS.md
	go run ./functions/internal/dev/simulate -seeds $(SEEDS) -first $(FIRST) $(NUMBERS)

# SEED is what everything drawn follows from; ONLY picks the storms whose name has it.
SEED ?= 1
.PHONY: storm
storm: ## Let thousands of services complete at once, AWS being down for hours, and write the tables into functions/internal/NUMBERS.md (ten minutes)
	go test -count=1 -timeout 60m -v -run TestStorms ./functions/internal/storm -all -seed $(SEED) -only "$(ONLY)" -update | grep -v '^=== '

.PHONY: race
race: ## Run all tests under the race detector, the long ones shortened, but for those of the repository's own rules, of costs, and the fence and simulate, which let one handler go at a time
	CGO_ENABLED=1 go test -race -short -timeout 30m $$(go list ./... | grep -v '/internal/dev$$\|/internal/fence$$\|/internal/costs$$\|/dev/simulate$$')

.PHONY: infra-test
infra-test: ## Check and test the Terraform module, and the patterns by AWS's own event-ruler (fetches it; needs Terraform, Java and Maven)
	.ci/infra
	.ci/event-ruler go test -count=1 -v -tags conformance -run EventRuler ./events

# TFVARS is a file with variables of infra/examples/complete, ARGS are further
# arguments of terraform apply and destroy.
TERRAFORM ?= terraform
DEPLOY = $(TERRAFORM) -chdir=infra/examples/complete
DEPLOY_ARGS = $(if $(TFVARS),-var-file=$(abspath $(TFVARS))) $(ARGS)

.PHONY: deploy
deploy: build ## Build, and install it on AWS with your credentials: TFVARS=mine.tfvars (needs Terraform)
	$(DEPLOY) init -input=false
	$(DEPLOY) apply $(DEPLOY_ARGS)

# First the table's protection goes, by an apply of its own.
.PHONY: undeploy
undeploy: build ## Remove from AWS what make deploy installed, the ledger included
	$(DEPLOY) init -input=false
	$(DEPLOY) apply $(DEPLOY_ARGS) -var deletion_protection=false
	$(DEPLOY) destroy $(DEPLOY_ARGS)

.PHONY: clean
clean: ## Remove what was built and fetched
	rm -rf dist .cache
