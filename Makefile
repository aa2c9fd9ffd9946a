# Pilotlight's commands. `make` alone lists them.
# Each one sets up what it needs first, inside the checkout; a second time that costs a fraction of a second.

PYTHON ?= python3
VENV := .venv/bin
# Test processes; more than two cores' worth, since the black-box tests wait a lot. Files run in the order of
# host_tests/file_order.py.
JOBS ?= 6
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup test demo page bench year ha scorecard matrix mutants vectors soak lint types romfs frozen target lock \
  firmware flash deploy provision calibrate monitor eol hil clean distclean

help:  ## List these commands
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup:  ## Fetch what the others need: Python tools, MicroPython (64 and 32 bit), libraries, type stubs
	@$(PYTHON) tools/setup.py

test: setup  ## Run all tests, lint and type check; ARGS='-k pilot -x' goes to pytest
	@$(VENV)/python tools/frozen.py
	@PYTHONPATH=tools $(VENV)/python -m target.build
	@$(VENV)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS) \
	  && echo "make test: all passed" || { echo "make test: FAILED, see above"; exit 1; }

soak: setup  ## Run the tests at their greatest sizes, hours of use in minutes; ARGS go to pytest
	@PILOTLIGHT_SOAK=1 $(VENV)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --timeout 7200 $(ARGS)

demo: setup  ## Charge a simulated car against a local back end; ARGS=--stay keeps both running to play with
	@$(VENV)/python tools/demo.py $(ARGS)

page: setup  ## Serve the page from web/ against a simulated charger and reload it at each change; ARGS='--port 8080'
	@$(VENV)/python tools/web_page/serve.py $(ARGS)

scorecard: setup  ## Print the compliance sheet of the charger, from a live run against it
	@$(VENV)/python tools/scorecard.py $(ARGS)

matrix: setup  ## Print every SEC, UK and WP rule with what the last run of the tests says of it; ARGS=--markdown
	@$(VENV)/python tools/compliance.py $(ARGS)

mutants: setup  ## Remove one statement at a time from the code of each SEC and WP rule, run its tests; ARGS='--row SEC-17 --most 10'
	@$(VENV)/python tools/mutate_rules.py $(ARGS)

vectors: setup  ## Hold the firmware's cryptography to a corpus of valid and manipulated vectors; ARGS='--size 100 --seed 1'
	@$(VENV)/python tools/vectors.py $(ARGS)

year:  ## Play a year of households with the planner in virtual time; a table and plots in build/year/
	@$(PYTHON) tools/setup.py --year
	@$(VENV)/python tools/year.py $(ARGS)

ha:  ## Hold what the unit tells Home Assistant's discovery to Home Assistant's own schemas
	@$(PYTHON) tools/setup.py --ha
	@$(VENV)/python tools/ha.py

bench: setup  ## Measure boot, control tick, memory and throughput
	@$(VENV)/python tools/bench.py $(ARGS)

lint: setup  ## Check style with ruff; ARGS=--fix repairs what it can
	@$(VENV)/ruff check $(ARGS) .

types: setup  ## Type-check the firmware against MicroPython's stubs for the ESP32
	@$(VENV)/pyright $(ARGS)

romfs: setup  ## Build the ROMFS image of the simulated board's firmware into build/
	@$(VENV)/python tools/romfs.py $(ARGS)

firmware: setup  ## Build a board's image: BOARD=<folder in boards/, or a path with a /> [MPY_DIR=<MicroPython 1.25>] [VARIANT=PRODUCT]
	@$(VENV)/python tools/device.py firmware --board "$(BOARD)" --variant "$(VARIANT)" --mpy-dir "$(MPY_DIR)"

flash: setup  ## Write a built image to a board, keeping nvs and vfs: BOARD= PORT= [MPY_DIR=] [VARIANT=PRODUCT]
	@$(VENV)/python tools/device.py flash --board "$(BOARD)" --port "$(PORT)" --variant "$(VARIANT)" --mpy-dir "$(MPY_DIR)"

deploy: setup  ## Copy the compiled firmware to a development board with plain MicroPython: BOARD= PORT=
	@$(VENV)/python tools/device.py deploy --board "$(BOARD)" --port "$(PORT)"

provision: setup  ## Give a unit its credentials and print its label: BOARD= PORT= [ARGS='--serial PL1 --labels labels']
	@$(VENV)/python tools/device.py provision --board "$(BOARD)" --port "$(PORT)" -- $(ARGS)

calibrate: setup  ## Calibrate a unit's meter against a reference meter: PORT= [ARGS='--outlet 1']
	@$(VENV)/python tools/device.py calibrate --port "$(PORT)" -- $(ARGS)

monitor: setup  ## Show a board's console, Ctrl-] ends: PORT=
	@$(VENV)/python tools/device.py monitor --port "$(PORT)"

eol: setup  ## Test a calibrated unit at the end of the line, a jig plays the car: PORT= JIG= [ARGS='--network HALL']
	@$(VENV)/python tools/device.py eol --port "$(PORT)" --jig "$(JIG)" -- $(ARGS)

hil: setup  ## Run the scenarios of host_tests/hil on a board beside a jig: PORT= JIG=; without both on simulator and target
	@$(VENV)/python tools/device.py hil --port "$(PORT)" --jig "$(JIG)" -- $(ARGS)

frozen: setup  ## Build the 32-bit interpreter that holds the charger frozen, as a board does; ARGS=--sizes lists the modules
	@$(VENV)/python tools/frozen.py $(ARGS)

target: setup  ## Build MicroPython for bare-metal RV32, run all unit tests that need no network on it, check its counts
	@PILOTLIGHT_TARGET=all $(VENV)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS) host_tests/target host_tests/hil

lock:  ## Pin the newest versions of requirements.in, with hashes, in requirements.lock (needs uv and npm)
	@uv pip compile -q --no-config --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-annotate --no-header requirements.in -o requirements.lock
	@uv pip compile -q --no-config --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-annotate --no-header requirements-year.in -o requirements-year.lock
	@uv pip compile -q --no-config --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-annotate --no-header requirements-ha.in -o requirements-ha.lock
	@cd tools/backend/strict && npm install --package-lock-only --ignore-scripts --no-audit --no-fund
	@cd web && npm install --package-lock-only --ignore-scripts --no-audit --no-fund

clean:  ## Remove what was built and cached, keep what setup fetched
	@rm -rf build .pytest_cache .ruff_cache .hypothesis
	@find firmware boards host_tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## Remove what setup fetched as well
	@rm -rf .venv .toolchain typings
