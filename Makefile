# make ask             set up and ask the student that ships: make ask QUESTION="Is 7 even or odd?"
# make run             set up and train the 0.9M student, at most 30 minutes of training
# make run MINUTES=5   the same, a first look
# make test            set up and run the tests
# make check           format, lint, types and tests, as continuous integration
# make test-versions   the tests of training with the oldest and the newest libraries that pyproject.toml allows
# make docs            write the keys of docs/recipes.md from the schema
# make docs-site       build the documentation into site/; a warning fails

PYTHON ?= python3
RECIPE ?= miniaxion_from_teacher
MINUTES ?=
QUESTION ?= What is 347 - 285?
ARGS ?=
BIN := .venv/bin

.PHONY: ask run test test-versions lint check format docs docs-site clean

run: .venv/.ready
	$(BIN)/distill run $(RECIPE) $(if $(MINUTES),--set train.max_minutes=$(MINUTES)) $(ARGS)

ask: .venv/.ready
	$(BIN)/distill ask miniaxion1 "$(QUESTION)"

test: .venv/.ready
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

test-versions:
	tests/oldest_newest.sh $(ARGS)

lint: .venv/.ready
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright

check: lint test

format: .venv/.ready
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: .venv/.ready
	$(BIN)/python -m distill.recipe.reference docs/recipes.md

docs-site: .venv/.ready
	$(BIN)/mkdocs build --strict --quiet

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv build site *.egg-info .pytest_cache .ruff_cache .hypothesis
