# crazytrain: `make demo` shows it, `make test` proves it. Both set up all they need.
.DEFAULT_GOAL := help
.PHONY: help demo test check static format bench matrix inside-matrix lock clean setup

BIN := .venv/bin
DEMO_COMMAND := $(BIN)/crazytrain lab run rtc-storm
PYTEST_ARGS :=

help:  ## what can be made
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

setup:  ## system packages (by apt) and .venv; nothing when all is there
	@tools/setup dev

demo:  ## set up, then a real guest runs away and crazytrain says why
	@tools/setup run
	$(DEMO_COMMAND)

test: check  ## set up, then everything: format, lint, types, layers, all tests with real guests

check: static  ## the same, for developers; PYTEST_ARGS='-m "not real"' leaves the real guests out
	$(BIN)/pytest $(PYTEST_ARGS)

static: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## format and mend what can be mended
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: setup  ## what looking costs the guest
	@if [ -x bench/run ]; then bench/run; else echo 'bench/run is not there' >&2; exit 1; fi

matrix: setup  ## the lab under other generations of QEMU; writes docs/matrix.md
	@tools/matrix --out docs/matrix.md

inside-matrix: setup  ## look inside kernels of four generations; writes docs/inside-matrix.md
	@tools/inside-matrix --out docs/inside-matrix.md

lock: setup  ## write the lock files anew
	@tools/lock

clean:  ## forget .venv and what the checkers kept; the lab's cache stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist build
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
