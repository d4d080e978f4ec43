"""How results look: places in a song, shares, tables, JSON lines, progress."""

import json
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import click

UNSAFE = ("Cc", "Cs", "Zl", "Zp")
"""Categories of Unicode: control characters, halves of characters, separators of lines and paragraphs."""

BIDIRECTIONAL = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that change the direction in which others are written."""


def clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock(83.4), clock(3725), clock(-1.2)
    ('1:23', '1:02:05', '-0:01')
    """
    sign, total = "-" if round(seconds) < 0 else "", abs(round(seconds))
    minutes, rest = divmod(total, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes}:{rest:02}"


def percent(share: float) -> str:
    """A share as a person reads it; never 100 % of what is not certain.

    >>> percent(0.5), percent(0.9999), percent(1.0)
    ('50 %', '99.9 %', '100 %')
    """
    if share not in (0, 1) and (share > 0.99 or share < 0.01):
        return f"{min(max(share * 100, 0.1), 99.9):.1f} %"
    return f"{share * 100:.0f} %"


def shown(text: str) -> str:
    """Text from files, safe for a terminal: characters that control it or change the direction of writing are escaped.

    >>> shown("Caf\u00e9 \x1b[2J")
    'Caf\u00e9 \\\\x1b[2J'
    """
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in UNSAFE or c in BIDIRECTIONAL else c for c in text)


def named(title: str, artist: str | None) -> str:
    """`Title by Artist`, or the title alone."""
    return shown(f"{title} by {artist}" if artist else title)


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


def cut(text: str, width: int) -> str:
    """At most `width` characters.

    >>> cut("Let's Go Fishin'", 8)
    "Let's G…"
    """
    return text if len(text) <= width else text[: width - 1] + "…"


def warn(text: str) -> None:
    """Something wrong, in one line on stderr; control characters, which a file name may hold, are escaped."""
    click.echo(shown(text), err=True)


def note(text: str) -> None:
    """News on stderr, where it does not get among the results."""
    click.echo(shown(text), err=True)
