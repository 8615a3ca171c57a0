# make draw PROMPT="a sketch of a cat face"   and the other commands of `make help`.
#
# Everything is installed into .venv, at the versions of constraints.txt: tools/environment.py does it, and nothing where
# all is there. Programs are run as modules of .venv's Python, which works in a folder that was moved or copied, too.

PYTHON ?= python3
VENV := .venv
# Linux: https://download.pytorch.org/whl/cpu gets PyTorch without CUDA's gigabytes. It counts when .venv is made.
TORCH_INDEX ?=
export TORCH_INDEX
# What is imported of PyTorch is compiled once and kept: tools/environment.py compiles nothing of it ahead.
unexport PYTHONDONTWRITEBYTECODE

# The prompt goes to the shell as an environment variable, letter by letter, whatever quotes or dollar signs it holds.
# One from the environment is not taken: some shells call their own prompt PROMPT.
ifneq ($(origin PROMPT),command line)
PROMPT := a sketch of a cat face
endif
override PROMPT := $(value PROMPT)
export PROMPT

RUN := $(VENV)/bin/python
REFERENCES := .venv-reference
# READY and an extra's name: .venv holds what that use needs.
READY = @$(if $(wildcard $(RUN)),$(RUN),$(PYTHON)) tools/environment.py $(VENV)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help draw verify play doctor test test-quick test-elsewhere test-tools reference mutants lab notebooks site site-tools \
  lint format lock lock-check clean

help:
	@echo 'make draw PROMPT="a sketch of a cat face"   draw nine pictures into drawing.png'
	@echo 'make verify FILE=drawing.png   read the signature of a picture'
	@echo 'make play        open the playground: a caption in, pictures out'
	@echo 'make doctor      is this machine ready, and how fast is it?'
	@echo 'make lab         open the lessons: your own copy, in my-lessons'
	@echo 'make test        run all tests, the lessons among them'
	@echo 'make test-quick  the tests of the library alone, without the slow ones'
	@echo 'For authors:'
	@echo 'make notebooks   run the lessons anew and tidy them (one alone: LESSONS=notebooks/00_text_to_image.ipynb)'
	@echo 'make test-elsewhere   the lessons as on other machines: older processors, one thread'
	@echo 'make reference   compare with the originals and well-known implementations, installed into $(REFERENCES)'
	@echo 'make site        the lessons and pages as a site that needs no network, in site/'
	@echo 'make mutants     break the code in many small ways, and list what no test noticed'
	@echo 'make lint        look the code over        make format   put it into shape'
	@echo 'make lock        resolve the dependencies anew into constraints.txt, for every kind of machine'
	@echo 'make lock-check  is it still true, on every kind of machine?'
	@echo 'make clean       remove .venv and caches; your lessons and pictures stay'
	@echo 'For any other command: . $(VENV)/bin/activate, then dalle-lessons --help'
	@echo 'On Linux, add TORCH_INDEX=https://download.pytorch.org/whl/cpu the first time: a far smaller PyTorch.'

draw:
	$(READY) sign
	@$(RUN) -m dalle_lessons draw -- "$$PROMPT"

FILE ?= drawing.png
verify:
	$(READY) sign
	@$(RUN) -m dalle_lessons verify -- "$(FILE)"

play:
	$(READY) play
	@$(RUN) -m dalle_lessons play

doctor:
	$(READY) lab
	@$(RUN) -m dalle_lessons doctor

# Two processes, each with one thread (see conftest.py): two threads in one process idle half of the time.
WORKERS ?= 2
PYTEST := $(RUN) -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

test:
	$(READY) test
	@$(PYTEST) $(PYTEST_ARGS)

test-quick:
	$(READY) test
	@$(PYTEST) -m "not slow" tests $(PYTEST_ARGS)

mutants: test-tools
	$(READY) mutants
	@$(RUN) tools/mutants.py

test-tools:
	$(READY) test

# What a processor without AVX-512, one without any vector instructions, and a single thread compute.
test-elsewhere: test-tools
	LESSONS_UNTIMED=1 ATEN_CPU_CAPABILITY=default $(RUN) -m pytest -q notebooks
	LESSONS_UNTIMED=1 ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(RUN) -m pytest -q notebooks
	LESSONS_UNTIMED=1 OMP_NUM_THREADS=1 $(RUN) -m pytest -q notebooks

# Packages that the tests compare with, none of which the course uses: what they themselves need is in .venv, or is not
# needed for the modules that are compared (tests/reference/conftest.py).
$(REFERENCES)/requirements.txt: tests/reference/requirements.txt | test-tools
	@rm -rf $(REFERENCES)
	@$(RUN) -m pip install --quiet --no-deps --no-compile --target $(REFERENCES) --requirement $<
	@cp $< $@

reference: test-tools $(REFERENCES)/requirements.txt
	@LESSONS_REFERENCE=1 PYTHONPATH=$(REFERENCES) $(RUN) -m pytest -m reference tests/reference $(PYTEST_ARGS)

lab:
	$(READY) lab
	@$(RUN) -m dalle_lessons lab my-lessons

notebooks: test-tools
	@$(RUN) -m dalle_lessons.classroom.lessons $(LESSONS)

site: site-tools
	@$(RUN) tools/make_site.py site

site-tools:
	$(READY) site

lint: test-tools
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m basedpyright --pythonpath $(RUN)

format: test-tools
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

lock:
	$(READY) lock
	@$(RUN) tools/make_lock.py $(if $(UPGRADE),--upgrade)

lock-tools:
	$(READY) lock

lock-check: lock-tools
	@$(RUN) tools/make_lock.py --check

clean:
	rm -rf $(VENV) $(REFERENCES) .pytest_cache .ruff_cache .hypothesis build dist
	find dalle_lessons tests tools -name __pycache__ -prune -exec rm -rf {} +
