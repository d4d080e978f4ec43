"""How the reports of scans are asked for and written, by all commands that have some."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from songradar.cli.options import PATH
from songradar.reports.formats import FORMATS, Format

AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object for each playing.")
AS_CSV = click.option("--csv", "as_csv", is_flag=True, help="The same as a table of comma-separated values.")
FORMAT = click.option("--format", "name", type=click.Choice(list(FORMATS)), help="How to write the report [table].")
OUTPUT = click.option("-o", "--output", metavar="FILE", type=PATH, help="Write the report there.")


def chosen_format(as_json: bool, as_csv: bool, name: str | None) -> tuple[str, Format]:
    """The one format that was asked for, with its name. Raises UsageError."""
    chosen = [how for how, asked in (("json", as_json), ("csv", as_csv), (name, name)) if asked]
    if len(chosen) > 1:
        raise click.UsageError("only one of --json, --csv and --format")
    form = str(chosen[0]) if chosen else "table"
    return form, FORMATS[form]


@contextmanager
def written(path: Path | None) -> Iterator[Callable[[str], object]]:
    """Writes to stdout, or to a file that takes the place of an older one when all is there; nothing replaces none."""
    if path is None:
        yield lambda text: click.echo(text, nl=False)
        return
    n_written = 0

    def write(text: str) -> None:
        nonlocal n_written
        file.write(text)
        n_written += 1

    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    file: TextIO
    with beside.open("w", encoding="utf-8", newline="") as file:
        try:
            yield write
        except BaseException:
            beside.unlink()
            raise
    beside.replace(path) if n_written else beside.unlink()
