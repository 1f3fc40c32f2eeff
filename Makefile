# Two commands are enough: `make run` starts the studio, `make test` runs every test. Both can be repeated at will.
#
#   PYTHON=…       a Python 3.11 or 3.12, when the one found is not the one wanted
#   TORCH_INDEX=…  another package index for torch, such as https://download.pytorch.org/whl/cpu
#   ARGS=…         flags for app.py (make run ARGS="--port 7861") or for pytest (make test ARGS="-k door")

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check
PYTEST := $(PY) -m pytest -n 2 --no-loadscope-reorder  # two processes (tests/conftest.py): a test often waits for a page or a worker
STARTER := smollm2-135m-instruct

# Threads of torch that spin while they wait take the cores from those they wait for (pipelines/loading/placement/devices.py).
export OMP_WAIT_POLICY := PASSIVE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run dev-setup test check bench prove starter-image starter-music starter-poems starter-captioner starter-fusion

help:  ## say what can be made
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

setup: $(VENV)/installed  ## make the environment and fetch the starter text model; start nothing
	@$(PY) -m pipelines.loading.starter $(STARTER)

run: $(VENV)/installed  ## set up what is missing, then start the studio on http://localhost:7860
	@$(PY) -m pipelines.loading.starter $(STARTER) || echo "Starting without it; it is tried again when it is asked for."
	@exec $(PY) app.py $(ARGS)

dev-setup: $(VENV)/dev-installed  ## add the tools for tests and checks, and a Chromium
	@$(PY) -m tests.chromium

test: setup dev-setup  ## run every test
	@$(PYTEST) $(ARGS)

check: setup dev-setup  ## lint, format, types, import contracts, then every test
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports
	@$(PYTEST) $(ARGS)

bench: setup dev-setup  ## measure the speed on this machine, as a table and as JSON
	@$(PY) -m tests.bench.speed $(ARGS)
	@$(PY) -m tests.bench.images

prove: bench  ## measure everything that the README quotes: speed, what survives kills, the memory of models, what trainers learn
	@$(PY) -m tests.bench.kills
	@$(PY) -m tests.bench.memory
	@$(PY) -m tests.bench.training
	@$(PY) -m tests.bench.ranks
	@$(PY) -m tests.bench.runs
	@$(PY) -m tests.bench.lora_style
	@$(PY) -m tests.bench.speech
	@$(PY) -m tests.bench.starter_image
	@$(PY) -m tests.bench.starter_music
	@$(PY) -m tests.bench.starter_poems
	@$(PY) -m tests.bench.finding
	@$(PY) -m tests.bench.starter_captioner
	@$(PY) -m tests.bench.story
	@$(PY) -m tests.bench.talk
	@$(PY) -m tests.bench.doctor

starter-image: setup  ## train the starter image model (hours; stopped and called again, it goes on): FOLDER=DIR
	@: $${FOLDER:?name the folder of the run: make starter-image FOLDER=DIR}
	@nice -n 19 $(PY) -m pipelines.training.starter_image assets/recipes/starter-image.json --folder "$(FOLDER)"
	@$(PY) -m pipelines.training.starter_image assets/recipes/starter-image.json --folder "$(FOLDER)" --export assets/starters/openmoji-128

starter-music: setup  ## train the starter composer (half an hour; stopped and called again, it goes on): FOLDER=DIR
	@: $${FOLDER:?name the folder of the run: make starter-music FOLDER=DIR}
	@nice -n 19 $(PY) -m pipelines.training assets/recipes/starter-music.json --home "$(FOLDER)" --export assets/starters/fiddle-tunes

starter-poems: setup  ## train the starter for Chinese verse (half an hour; stopped and called again, it goes on): FOLDER=DIR
	@: $${FOLDER:?name the folder of the run: make starter-poems FOLDER=DIR}
	@nice -n 19 $(PY) -m pipelines.training assets/recipes/starter-poems.json --home "$(FOLDER)" --export assets/starters/tang-poems

starter-captioner: setup  ## train the starter that names icons (an hour; stopped and called again, it goes on): FOLDER=DIR
	@: $${FOLDER:?name the folder of the run: make starter-captioner FOLDER=DIR}
	@nice -n 19 $(PY) -m pipelines.training assets/recipes/starter-captioner.json --home "$(FOLDER)" --export assets/starters/icon-names

starter-fusion: setup  ## train the starter that finds pictures, words and sounds by each other (an hour; stopped and called again, it goes on): FOLDER=DIR
	@: $${FOLDER:?name the folder of the run: make starter-fusion FOLDER=DIR}
	@nice -n 19 $(PY) -m pipelines.training assets/recipes/starter-fusion.json --home "$(FOLDER)" --export assets/starters/picture-word-sound

# pip is the last thing that venv writes, so where it stands the environment is whole.
$(VENV)/bin/pip:
	@python="$(PYTHON)"; \
	for candidate in $${python:-python3.11 python3.12 python3 python}; do \
	  if $$candidate -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$candidate --version)"; exec $$candidate -m venv --clear $(VENV); \
	  fi; \
	done; \
	echo "Python 3.11 or 3.12 with its venv module is needed and was not found." >&2; \
	echo "Install it (Debian, Ubuntu: python3.11-venv; macOS: brew install python@3.11), or name it: make PYTHON=/path/to/python" >&2; \
	exit 1

$(VENV)/installed: requirements.txt | $(VENV)/bin/pip
	@$(PIP) -r requirements.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	@touch $@

$(VENV)/dev-installed: requirements-dev.txt $(VENV)/installed
	@$(PIP) -r requirements-dev.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	@touch $@
