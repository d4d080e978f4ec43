"""Progress on stderr; nothing where that is no terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn
from rich.table import Column

from songradar.wording import shown


class Advance(Protocol):
    """Tells a progress bar that an item is done: seconds of audio in it, its name, and how many there are in all."""

    def __call__(self, audio_s: float = 0.0, name: str = "", total: int | None = None, /) -> None: ...


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Advance]:
    """A bar with the last item, the speed and the time left; it fits 60 columns."""
    if not sys.stderr.isatty():
        yield lambda _audio_s=0.0, _name="", _total=None: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=10),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeLeftColumn(compact=True),
        TextColumn("{task.fields[item]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
    )
    with Progress(*columns, console=Console(stderr=True), expand=True) as bar:
        task = bar.add_task(label, total=total, speed="", item="")
        heard_s = 0.0

        def advance(audio_s: float = 0.0, name: str = "", total: int | None = total) -> None:
            nonlocal heard_s
            heard_s += audio_s
            elapsed_s = bar.tasks[0].elapsed or 0
            speed = f"{heard_s / elapsed_s:.0f}x" if heard_s and elapsed_s else ""
            bar.update(task, advance=1, total=total, speed=speed, item=escape(shown(Path(name).name)))

        yield advance


@contextmanager
def stages(label: str) -> Iterator[Callable[[str, float], None]]:
    """A bar for work whose steps have names and shares."""
    if not sys.stderr.isatty():
        yield lambda _stage, _share: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(label, total=1.0)

    def tell(stage: str, share: float) -> None:
        bar.start()  # not before there is something to tell; again, it does nothing
        bar.update(task, completed=share, description=f"{label}: {stage.removeprefix('building index: ')}")

    try:
        yield tell
    finally:
        bar.stop()
