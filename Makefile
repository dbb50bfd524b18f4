# A thin front for the npm scripts, for those who type make. Installs first when node_modules is missing or out of date.
RUN := node scripts/build/bun.mjs
INSTALLED := node_modules/.package-lock.json

.PHONY: all install build plugins demo start test check bench clean \
  test-unit test-tidy test-memory-pool test-ipc test-supervisor test-integration test-full-system

all: build plugins

install: $(INSTALLED)

$(INSTALLED): package.json package-lock.json
	npm install --no-audit --no-fund
	@touch $@

build: install
	$(RUN) scripts/build/executable.ts

plugins: install
	$(RUN) scripts/build/plugins.ts all

demo start: install
	$(RUN) scripts/build/start.ts $(ARGS)

test: install
	$(RUN) scripts/test.ts

test-unit test-tidy test-memory-pool test-ipc test-supervisor test-integration test-full-system: test-%: install
	$(RUN) scripts/test.ts $*

check: install
	npm run --silent check

bench: install
	$(RUN) scripts/bench/pipeline/main.ts $(ARGS)

clean:
	rm -rf bin dist output plugins/lib*.js
