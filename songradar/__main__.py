"""`python -m songradar` is `songradar`."""

from songradar.cli.main import run

run()
