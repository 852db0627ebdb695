# One target a task; CI runs the same ones. They need make and Python 3.11 or newer with venv.
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
TEMPLATES := git ls-files -z 'templates/*.html' | xargs -0 $(BIN)/djade
COVERED := $(BIN)/python -m slipcover
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-strip-extras

.PHONY: help demo bot test check format live bench chaos proto lock clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile

demo: .venv/runtime ## run everything with a demo site, in one process; RELEASE=bad (or good) rolls out, RESTART=petstore-2 restarts
	@$(BIN)/python manage.py demo $(if $(RELEASE),--release=$(RELEASE)) $(if $(RESTART),--restart=$(RESTART))

bot: .venv/runtime ## talk to the running demo's bot in this terminal
	@OPSPORTAL_DEMO=1 $(BIN)/python manage.py bot_console --user demo

test: .venv/dev ## the quick tests; ARGS="-k name" and such go to pytest
	@# What pytest makes of the tests' source is kept: it takes each worker several seconds.
	@PYTHONDONTWRITEBYTECODE= $(COVERED) --json --out .coverage.json -m pytest -n auto --dist worksteal $(ARGS)
	@sed 's|.*"percent_covered_display": "\([0-9]*\)".*|coverage \1% of lines and branches; which: $(COVERED) --merge .coverage.json --out .coverage.json|' .coverage.json

check: .venv/dev ## formatting, lint, types, layers, migrations, generated code
	$(BIN)/ruff format --quiet --check .
	$(BIN)/ruff check --quiet .
	$(TEMPLATES) --check
	$(BIN)/mypy
	PYTHONPATH=.:clients/opsportal-sampler/src $(BIN)/lint-imports --no-cache --no-logo
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m proto.generate --check

format: .venv/dev ## mend what can be mended of formatting and lint
	$(BIN)/ruff check --quiet --fix --exit-zero .
	$(BIN)/ruff format --quiet .
	-$(TEMPLATES)

live: .venv/dev ## the tests against real Jaeger, Prometheus, VictoriaMetrics, PostgreSQL and Redis
	@$(BIN)/pytest tests/live -rs $(ARGS)

bench: .venv/dev ## measure, and write docs/benchmarks.md
	@$(BIN)/python -m tests.bench

chaos: .venv/dev ## kill and rate-limit two bots, deliver everything twice; write docs/benchmarks.md
	@GRPC_VERBOSITY=NONE $(BIN)/python -m tests.bench.chaos
	@GRPC_VERBOSITY=NONE $(BIN)/python -m tests.bench.kills
	@seed=$${SEED:-$$(date +%s)}; echo "the green oracle, SEED=$$seed"; \
	  random="--hypothesis-profile=chaos --hypothesis-seed=$$seed"; \
	  GREEN_RUNS=10000 GREEN_DOOR_RUNS=200 $(BIN)/pytest -q tests/green $$random && \
	  echo "10^5 inputs of sampling, SEED=$$seed" && \
	  REMOTE_RUNS=2000 $(BIN)/pytest -q tests/remote -k "whatever or garbage or finite" $$random

proto: .venv/dev ## generate the code of proto/ anew
	$(BIN)/python -m proto.generate

lock: .venv/dev ## resolve the locks anew from pyproject.toml; ARGS=--upgrade takes newer ones
	$(LOCK) $(ARGS) -o requirements.lock pyproject.toml
	$(LOCK) $(ARGS) -o requirements-dev.lock -c requirements.lock --group dev pyproject.toml

clean: ## remove .venv and the demo's data
	rm -rf .venv .demo

# The stamps make a second run instant; a changed lock makes it install again.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "OpsPortal needs Python 3.11 or newer; name one: make demo PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/runtime: requirements.lock | .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@touch $@

.venv/dev: requirements-dev.lock | .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch .venv/runtime $@
