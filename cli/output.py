"""How results look on a terminal: tables, JSON lines, sizes and counts; and how errors do."""

import json
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import click

from songradar.wording import cut, shown


class Failed(click.ClickException):
    """An error that the user can do something about. Its exit code is 2, like grep's."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"songradar: {self.message}", file=file, err=True)


def size(n_bytes: int) -> str:
    """Bytes in the unit a person would choose.

    >>> size(512), size(2_500_000)
    ('512 B', '2.4 MiB')
    """
    amount, unit = float(n_bytes), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def counted(n: int, one: str, many: str | None = None) -> str:
    """How many of what.

    >>> counted(1, "list"), counted(12, "list"), counted(2, "search", "searches")
    ('1 list', '12 lists', '2 searches')
    """
    return f"{n} {one}" if n == 1 else f"{n} {many or one + 's'}"


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]], fit: bool = False) -> None:
    """Columns on stdout, as wide as their longest cell; numbers to the right.

    With `fit`, the widest columns of text are cut so that a line fits the terminal, which has 60 columns at least.
    """
    cells = [[shown(str(cell)) if cell is not None else "" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    right = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    if fit:
        widths = fitted(widths, max(60, shutil.get_terminal_size((10_000, 24)).columns) - 2 * (len(header) - 1))
    for line in (list(header), *cells):
        padded = (
            cut(cell, width).rjust(width) if to_right else cut(cell, width).ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def fitted(widths: Sequence[int], total: int) -> list[int]:
    """Widths of which the largest are lowered until their sum is at most `total`.

    >>> fitted([4, 30, 20], 40)
    [4, 18, 18]
    """
    lowered = list(widths)
    while sum(lowered) > total and max(lowered) > 4:
        lowered[lowered.index(max(lowered))] -= 1
    return lowered


def confirm_removal(what: str) -> None:
    """Ask whether to remove it. Raises Abort where not."""
    click.confirm(f"Remove {what}?", abort=True, err=True)


def warn(text: str) -> None:
    """Something wrong, in one line on stderr; control characters, which a file name may hold, are escaped."""
    click.echo(shown(text), err=True)


def note(text: str) -> None:
    """News on stderr, where it does not get among the results."""
    click.echo(shown(text), err=True)
