# The verbs of a checkout; CONTRIBUTING.md explains them.

set positional-arguments

python := ".venv/bin/python"

# list the verbs
default:
    @just --list

# make .venv, with all extras and this checkout
setup:
    python3 -m venv .venv
    .venv/bin/pip install --quiet -c requirements/tested.txt -e '.[train,dev]'

# run the tests: just test -m 'not train'
test *arguments:
    {{python}} -m pytest -q -n auto "$@"

# check style and format; who imports whom is one of the tests
lint:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .

# check types, in a wheel's layout: there the folders at the top lie inside songradar
types:
    rm -rf build/types
    {{python}} -m build --wheel --no-isolation --outdir build/types .
    {{python}} -m zipfile -e build/types/songradar-*.whl build/types/unzipped
    cd build/types/unzipped && ../../../.venv/bin/mypy --config-file ../../../pyproject.toml --python-executable ../../../.venv/bin/python

# draft a migration that makes the database in DATABASE_URL what db/models.py says: just revision "what it does"
revision message:
    {{python}} -c 'import sys; from songradar.db import schema; from songradar.environment import environment; schema.draft(environment().server, sys.argv[1])' "$1"

# measure how search grows with the catalogue: just benchmark --fragments 100000 --music MUSIC
benchmark *arguments:
    {{python}} -m tests.benchmarks.search_scale "$@"
