# make run             set up and train the 0.9M student, at most 30 minutes of training
# make run MINUTES=5   the same, a first look
# make test            set up and run the tests

PYTHON ?= python3
RECIPE ?= miniaxion_from_teacher
MINUTES ?=
ARGS ?=
BIN := .venv/bin

.PHONY: run test check format clean

run: .venv/.ready
	$(BIN)/distill run $(RECIPE) $(if $(MINUTES),--set train.max_minutes=$(MINUTES)) $(ARGS)

test: .venv/.ready
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

check: .venv/.ready
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

format: .venv/.ready
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .hypothesis
