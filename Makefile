# make test      everything that must hold; installs what is missing (Debian packages)
# make lint      golangci-lint
# make generate  api/ from openapi.yaml, the widget and the web phone from their sources; installs what they and some tests take from npm
# make faults    the faults of docs/faults.md at full length, and its table
# make pictures  docs/img from the running demo, the widget's page and the web phone
# make bench     what a login costs, beside a bare server doing the same work

GO            ?= go
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: test lint generate check-generated bench faults tools pictures

# Without the race detector, which makes them five times slower and finds nothing: what does one thing at a time, and what drives browsers
# and other programs, whose provider and shop are raced by tests of their own. Without C, as the image is built, so that all of it is compiled
# once.
UNRACED := ./api/picture ./api/typescript ./docs/... ./mobile-sim ./provider/internal/bench ./provider/internal/browser/widget ./provider/internal/deploytest ./provider/internal/faults ./provider/internal/oauth/pages ./provider/internal/webphone ./relyingparty-demo

# SQLite's own code, which is C made Go, is not watched for races: the tests of what keeps accounts take half as long so.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false

test: tools lint check-generated
	QRLOGIN_REQUIRE=all $(GO) test $(RACE) -timeout=40m $$($(GO) list ./... | grep -vxF "$$($(GO) list $(UNRACED))")
	QRLOGIN_REQUIRE=all CGO_ENABLED=0 $(GO) test -timeout=40m $(UNRACED)

lint:
	$(GO) run $(GOLANGCI_LINT) run ./...

generate:
	$(GO) generate ./...

# What is generated must be what is committed.
check-generated: generate
	@git diff --exit-code -- api provider/internal/browser/widget/widget.js provider/internal/webphone \
	  || { echo "generated files differ from their sources: run make generate and commit"; exit 1; }

bench: tools
	QRLOGIN_REQUIRE=all $(GO) run ./provider/internal/bench

faults: tools
	QRLOGIN_REQUIRE=all QRLOGIN_FAULTS=long $(GO) test -count=1 -v -timeout=20m ./provider/internal/faults

# The pictures of the documentation, from what runs.
pictures: tools generate
	QRLOGIN_REQUIRE=all QRLOGIN_PICTURES=$(CURDIR)/docs/img $(GO) test -count=1 -run=RealBrowser ./relyingparty-demo ./docs/sites ./provider/internal/browser ./provider/internal/webphone

# The real parts that the tests start.
tools:
	@./.ci/install-test-tools
