"""What long work tells of itself while it goes on: values, which a progress bar, a log or a socket consumes alike."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from songradar.outcomes import FileOutcome


@dataclass(frozen=True)
class Step:
    """`number` of `total` items of a stage are done."""

    stage: str
    number: int
    total: int


@dataclass(frozen=True)
class Note:
    """Something to know: what is left out, say."""

    text: str


@dataclass(frozen=True)
class Begun:
    """The scan is kept under this number."""

    scan_id: int


@dataclass(frozen=True)
class Replaced:
    """A finished scan takes the place of an earlier one of the same recording, which was called so, and is removed."""

    scan_id: int
    recording: str


Event: TypeAlias = Step | Note | Begun | Replaced | FileOutcome
Listener: TypeAlias = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Listen to nothing."""


def counter(stage: str, total: int, listen: Listener) -> Callable[[], None]:
    """To be called when an item of the stage is done."""
    done = 0

    def advance(*_: object) -> None:
        nonlocal done
        done += 1
        listen(Step(stage, done, total))

    return advance
