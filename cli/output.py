"""How results look: places in a song, shares, tables, JSON lines, progress."""

import json
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import click

UNSAFE = ("Cc", "Cs", "Zl", "Zp")
"""Categories of Unicode: control characters, halves of characters, separators of lines and paragraphs."""

BIDIRECTIONAL = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn round the order of others."""


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
    """Text from files as a terminal may have it: what would move its cursor or turn its lines round is escaped.

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


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns on stdout, as wide as their longest cell; numbers to the right."""
    cells = [[shown(str(cell)) if cell is not None else "" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    right = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    for line in (list(header), *cells):
        padded = (
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def warn(text: str) -> None:
    """One line on stderr; control characters, which a file name may hold, are escaped."""
    click.echo(shown(text), err=True)


class Advance(Protocol):
    """Tells a progress bar that one item is done, and how many seconds of audio it held."""

    def __call__(self, audio_s: float = 0.0, /) -> None: ...


@contextmanager
def progress(label: str, total: int) -> Iterator[Advance]:
    """A bar on stderr with rate and time left; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _audio_s=0.0: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total, rate="")
        heard_s = 0.0

        def advance(audio_s: float = 0.0) -> None:
            nonlocal heard_s
            heard_s += audio_s
            elapsed_s = bar.tasks[0].elapsed or 0
            rate = f"{heard_s / 3600 / (elapsed_s / 60):.1f} h of audio/min" if heard_s and elapsed_s else ""
            bar.update(task, advance=1, rate=rate)

        yield advance


@contextmanager
def stages(label: str) -> Iterator[Callable[[str, float], None]]:
    """A bar on stderr for work whose steps have names and shares; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _stage, _share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=1.0)

        def tell(stage: str, share: float) -> None:
            bar.update(task, completed=share, description=f"{label}: {stage.removeprefix('building index: ')}")

        yield tell
