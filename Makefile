# Nephrowatch: the one door for developers. `make help` lists what it opens.
# Everything runs in .venv, which is made on demand from requirements.lock (hashes checked).
#   UV=      make it with pip although uv is there
#   PYTHON=  the interpreter to make it from

UV ?= uv
PYTHON ?=
PY := .venv/bin/python
READY := .venv/.ready
DEMO := $(CURDIR)/.demo

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-browser compose-test matrix soak gallery fuzz bench bench-each simulate rules hazards audit promtool-test twin check lock schema clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

demo: $(READY) ## a believable year of five units, last nights through Airflow, and a morning summary
	@env -u NEPHROWATCH_DATABASE_URL -u NEPHROWATCH_CONFIG NEPHROWATCH_HOME="$(DEMO)/home" AIRFLOW_HOME="$(DEMO)/airflow" \
		PYTHONPATH="$(CURDIR)" $(PY) -m monitors.demo

test: $(READY) ## all tests but the long ones and the browser's, on WORKERS processors (default: all)
	@PYTHONPATH="$(CURDIR)" $(PY) -m pytest -n $(or $(WORKERS),auto) --dist loadscope

matrix: $(READY) ## the outbox under fire: every kill point x every fault x two workers
	@PYTHONPATH="$(CURDIR)" $(PY) -m pytest -s -m long tests/delivery/test_fire.py

soak: $(READY) ## EPISODES=10000 messages, one answer in ten a fault, a worker killed every few seconds
	@PYTHONPATH="$(CURDIR)" EPISODES="$(or $(EPISODES),10000)" $(PY) -m pytest -s -m long tests/delivery/test_soak.py

gallery: $(READY) ## write docs/gallery anew, pictures included (needs chromium)
	@PYTHONPATH="$(CURDIR)" $(PY) -m tests.delivery.gallery --pictures

test-long: $(READY) ## what takes minutes: restore, upgrade from every release, the matrix, the soak
	@PYTHONPATH="$(CURDIR)" EPISODES="$(or $(EPISODES),10000)" $(PY) -m pytest -m long

test-browser: $(READY) ## every page in Debian's Chromium, as each role; PICTURES=docs/gallery/pages keeps pictures
	@PYTHONPATH="$(CURDIR)" $(PY) -m pytest -m browser -p no:cacheprovider tests/web/test_browser.py

compose-test: $(READY) ## docker-compose.yml on a Docker engine: nights, every container killed; EXECUTOR=CeleryExecutor for one
	@PYTHONPATH="$(CURDIR)" $(PY) -m tests.compose $(if $(EXECUTOR),--executor $(EXECUTOR))

MUTANTS ?= 1000000
fuzz: $(READY) ## mutated CSV, HL7 v2 and FHIR files, MUTANTS=1000000 a format
	@for format in csv hl7v2 fhir; do \
		PYTHONPATH="$(CURDIR)" $(PY) -m tests.fuzz --format $$format --mutants $(MUTANTS) --seed 1 || exit 1; done

bench: $(READY) ## how fast, how large, beside the bare thing: PATIENTS="2000 10000", PARTS="ingest judging nights" (docs/performance.md)
	@PYTHONPATH="$(CURDIR)" $(PY) -m benchmarks.performance $(if $(PATIENTS),--patients $(PATIENTS)) $(if $(PARTS),--parts $(PARTS))

bench-each: $(READY) ## ingest by format, judging, and every page's latency: printed, nothing written
	@PYTHONPATH="$(CURDIR)" $(PY) -m benchmarks.ingest
	@PYTHONPATH="$(CURDIR)" $(PY) -m benchmarks.judging
	@PYTHONPATH="$(CURDIR)" $(PY) benchmarks/web.py --patients 500 --requests 20

twin: $(READY) ## judge 100,000 made-up patients by the engine and by the plain twin (SEED=1, PROCESSES=1)
	@PYTHONPATH="$(CURDIR)" $(PY) -m tests.twin --patients 100000 --seed $(or $(SEED),1) --processes $(or $(PROCESSES),1)

simulate: $(READY) ## a made-up unit for two years: alerts a month, rises noticed (writes docs/burden.md)
	@PYTHONPATH="$(CURDIR)" $(PY) -m monitors.simulate

rules: $(READY) ## write docs/rules.md and vectors/ anew, after a change of rules or of drawn tables
	@PYTHONPATH="$(CURDIR)" $(PY) -m monitors.rulebook
	@PYTHONPATH="$(CURDIR)" $(PY) -m tests.spec.vectors

hazards: $(READY) ## write docs/hazards.md anew, from docs/hazards.yaml and the tests that carry a number
	@PYTHONPATH="$(CURDIR)" $(PY) -m tests.hazards

licences: $(READY) ## write docs/licences.md anew, after a change of requirements.lock
	@PYTHONPATH="$(CURDIR)" $(PY) -m tests.licences

audit: $(READY) ## known vulnerabilities of what is pinned (asks PyPI; says so where nobody answers)
	@PYTHONPATH="$(CURDIR)" $(PY) -m tests.audit

promtool-test: ## the alert rules of observability/ against drawn series (needs promtool, of Debian's prometheus package)
	@promtool check config observability/prometheus.yml
	@promtool test rules observability/alerts_test.yml

check: $(READY) ## style, types, architecture
	@$(PY) -m ruff check .
	@$(PY) -m ruff check --select AIR dags
	@$(PY) -m mypy
	@PYTHONPATH="$(CURDIR)" $(PY) -m pytest tests/test_architecture.py

lock: ## pin requirements.in and requirements-dev.in anew (needs uv)
	@$(UV) --version >/dev/null 2>&1 || { echo "make lock needs uv: install it, and run make lock again." >&2; exit 1; }
	@$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--output-file requirements.lock requirements.in requirements-dev.in

clean: ## remove the demo with its database, .venv and caches
	@if [ -x $(PY) ] && [ -d .demo/home ]; then PYTHONPATH="$(CURDIR)" $(PY) -c \
		'import pathlib, monitors.embedded as embedded; embedded.remove(pathlib.Path(".demo/home").absolute())'; fi
	@rm -rf .venv .demo .airflow .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last: a set-up that was interrupted is done again.
$(READY): requirements.lock pyproject.toml
	@UV="$(UV)" PYTHON="$(PYTHON)" sh .ci/venv
	@touch $@

schema: $(READY) ## write the JSON Schemas of rule files and of routes.yaml for editors
	@PYTHONPATH="$(CURDIR)" $(PY) -c "from monitors.rules.schema import rule_schema; print(rule_schema(), end='')" > config/schema/rule.schema.json
	@PYTHONPATH="$(CURDIR)" $(PY) -c "from monitors.routes import schema; print(schema(), end='')" > config/schema/routes.schema.json
