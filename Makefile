# make draw PROMPT="a sketch of a cat face"   and the other commands of `make help`.
#
# Everything is installed into .venv, at the versions of constraints.txt. A stamp for each set of packages (.venv/draw.stamp
# and so on) is younger than pyproject.toml and constraints.txt as long as nothing changed: then nothing is installed.

PYTHON ?= python3
VENV := .venv
# Linux: https://download.pytorch.org/whl/cpu gets PyTorch without CUDA's gigabytes.
TORCH_INDEX ?=

# The prompt goes to the shell as an environment variable, letter by letter, whatever quotes or dollar signs it holds.
# One from the environment is not taken: some shells call their own prompt PROMPT.
ifneq ($(origin PROMPT),command line)
PROMPT := a sketch of a cat face
endif
override PROMPT := $(value PROMPT)
export PROMPT

PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help draw test test-quick test-elsewhere mutants lab notebooks lint format lock clean

help:
	@echo 'make draw PROMPT="a sketch of a cat face"   draw nine pictures into drawing.png'
	@echo 'make lab         open the lessons: your own copy, in my-lessons'
	@echo 'make test        run all tests, the lessons among them'
	@echo 'make test-quick  the tests of the library alone, without the slow ones'
	@echo 'For authors:'
	@echo 'make notebooks   run the lessons anew and tidy them (one alone: LESSONS=notebooks/00_text_to_image.ipynb)'
	@echo 'make test-elsewhere   the lessons as on other machines: older processors, one thread'
	@echo 'make mutants     break the code in many small ways, and list what no test noticed'
	@echo 'make lint        look the code over        make format   put it into shape'
	@echo 'make lock        resolve the dependencies anew into constraints.txt'
	@echo 'make clean       remove .venv and caches; your lessons and pictures stay'
	@echo 'On Linux, add TORCH_INDEX=https://download.pytorch.org/whl/cpu the first time: a far smaller PyTorch.'

draw: $(VENV)/draw.stamp
	@$(VENV)/bin/dalle-lessons draw -- "$$PROMPT"

# Two processes, each with one thread (see conftest.py): two threads in one process idle half of the time.
WORKERS ?= 2
PYTEST := $(VENV)/bin/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(VENV)/test.stamp
	@$(PYTEST) $(PYTEST_ARGS)

test-quick: $(VENV)/test.stamp
	@$(PYTEST) -m "not slow" tests $(PYTEST_ARGS)

mutants: $(VENV)/test.stamp
	@$(INSTALL) --editable '.[mutants]'
	@$(VENV)/bin/python tools/mutants.py

# What a processor without AVX-512, one without any vector instructions, and a single thread compute.
test-elsewhere: $(VENV)/test.stamp
	LESSONS_UNTIMED=1 ATEN_CPU_CAPABILITY=default $(VENV)/bin/python -m pytest -q notebooks
	LESSONS_UNTIMED=1 ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(VENV)/bin/python -m pytest -q notebooks
	LESSONS_UNTIMED=1 OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q notebooks

lab: $(VENV)/lab.stamp
	@$(VENV)/bin/dalle-lessons student my-lessons
	@$(VENV)/bin/jupyter lab my-lessons

notebooks: $(VENV)/test.stamp
	@$(VENV)/bin/python -m dalle_lessons.classroom.lessons $(LESSONS)

lint: $(VENV)/test.stamp
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/basedpyright --pythonpath $(VENV)/bin/python

format: $(VENV)/test.stamp
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

lock: $(VENV)/bin/python
	@$(VENV)/bin/python tools/make_lock.py

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build dist
	find dalle_lessons tests tools -name __pycache__ -prune -exec rm -rf {} +

# ---- the environment ----

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'The lessons need Python 3.11 or newer; name one, like this: make draw PYTHON=python3.12' >&2; exit 1; }
	@echo 'Making an environment of its own in $(VENV) ...'
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo 'Python could not make an environment; on Debian and Ubuntu, install python3-venv.' >&2; exit 1; }

# PyTorch first, where an index is named for it, so that nothing else is looked for there.
$(VENV)/torch.stamp: constraints.txt | $(VENV)/bin/python
	@echo 'Installing PyTorch (the first time: one large download) ...'
	@$(INSTALL) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch
	@touch $@

$(VENV)/draw.stamp: pyproject.toml constraints.txt $(VENV)/torch.stamp
	@echo 'Installing the package and what it needs ...'
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/lab.stamp: pyproject.toml constraints.txt $(VENV)/torch.stamp
	@echo 'Installing the package, JupyterLab and what they need ...'
	@$(INSTALL) --editable '.[lab]'
	@touch $@ $(VENV)/draw.stamp

$(VENV)/test.stamp: pyproject.toml constraints.txt $(VENV)/torch.stamp
	@echo 'Installing the package, JupyterLab, the test tools and what they need ...'
	@$(INSTALL) --editable '.[test]'
	@touch $@ $(VENV)/draw.stamp $(VENV)/lab.stamp
