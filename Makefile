# From a fresh clone, with python3 (3.11 or newer), python3-venv and git:
#
#   make book            set up, build the book, print the page to open
#   make pdf             print the book as one PDF; Chromium must be installed
#   make test            set up, check the style, run every test and every notebook
#   make test-browser    open every page of the book in Chromium, which must be installed
#   make package         build the wheel, and try it in an empty environment
#   make execute         re-run the notebooks in place and store their text outputs
#   make labs            make the students' notebooks of the labs from the solutions
#   make lint            the style check alone (make format mends what it can)
#   make lock            pin requirements.in anew into requirements.txt
#   make clean           remove what was built (make distclean: .venv as well)
#
# Another Python: make book PYTHON=python3.12

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
VENDOR := tools/node_modules/.package-lock.json

export PIP_DISABLE_PIP_VERSION_CHECK = 1
# The matrices here are small: threads of BLAS only get in each other's way.
export OMP_NUM_THREADS = 1
# Set to agg, it would switch the figures of the notebooks off.
unexport MPLBACKEND

.DEFAULT_GOAL := help
.PHONY: help book pdf test test-browser package execute labs lint format lock clean distclean

help:
	@sed -n 's/^#   //p' Makefile

# -- setting up: again only when the pins or the package's settings change ----

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit( \
	    "polysos needs Python 3.11 or newer; %s is %s.\nTry: make PYTHON=python3.11" \
	    % (sys.executable, sys.version.split()[0]))'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

# -- the book ------------------------------------------------------------------

# What the pages load: npm checks the hashes, and writes this file last.
$(VENDOR): tools/package-lock.json | $(READY)
	$(BIN)/npm ci --prefix tools --ignore-scripts --no-audit --no-fund

# Jupyter Book stores executed notebooks under a key of their cells alone. When
# the library is newer than the build, start from nothing.
_build/fresh: $(READY) $(shell find polysos -name '*.py')
	rm -rf _build
	@mkdir -p _build && touch $@

# -W and --keep-going: every warning is shown, and any fails the build. --all:
# a page with a warning warns again the next time.
book: _build/fresh $(VENDOR)
	$(BIN)/jupyter-book build . --all -W -n --keep-going
	$(BIN)/python tools/book.py check
	@echo "The book is built. Open $(CURDIR)/_build/html/index.html"

# Of the pages that were built last. Nothing is executed again.
pdf: $(READY)
	test -f _build/html/index.html || $(MAKE) book
	$(BIN)/python -m tools.pdf

execute: $(READY)
	$(BIN)/python tools/book.py execute

labs: $(READY)
	$(BIN)/python -m tools.labs make

# -- the tests -------------------------------------------------------------------

# The notebooks run whole; what their cells tagged nbval-check-output print is
# compared with what is stored. One notebook keeps to one worker. What ran is
# kept for the book, which then runs nothing again.
test: lint _build/fresh
	MPLBACKEND=agg $(BIN)/python -m pytest -n 2
	$(BIN)/python -m pytest -n 2 --dist loadfile -p tools.executed --nbval-lax chapters

# As a reader without a network sees the book.
test-browser: $(READY)
	test -f _build/html/index.html || $(MAKE) book
	$(BIN)/python -m pytest -n 2 --dist loadgroup tests/browser

# As somebody installs the library alone: no extras, nothing of the book.
package: $(READY)
	$(BIN)/python -m tools.package

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# -- the rest --------------------------------------------------------------------

# Known pins stay; to renew them all: make lock LOCK=--upgrade
lock: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --quiet $(LOCK) \
	    --custom-compile-command "make lock" requirements.in -o requirements.txt

clean:
	rm -rf _build .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist *.egg-info
	find polysos tests tools chapters -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf

distclean: clean
	rm -rf $(VENV) tools/node_modules
