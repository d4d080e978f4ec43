"""What became of files: of one, and of many."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Literal, TypeAlias

from songradar.db.twins import Twin

Result: TypeAlias = Literal["added", "already there", "moved", "replaced", "removed", "duplicate", "failed"]
"""What may become of a file."""


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file: `reason` says why it failed; `number` of `total` files are done.

    `twins` are the songs that were there before and are the same recording, or have a piece of it. `is_passing` says of
    a failure that it is the network's, and that another attempt may succeed.
    """

    source: str
    outcome: Result
    duration_s: float = 0.0
    fragments: int = 0
    reason: str | None = None
    number: int = 0
    total: int = 0
    twins: tuple[Twin, ...] = ()
    is_passing: bool = False


class Tally:
    """Adds outcomes up."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.audio_s = 0.0
        self.fragments = 0
        self._started = time.monotonic()

    def add(self, outcome: FileOutcome) -> None:
        self.counts[outcome.outcome] += 1
        self.audio_s += outcome.duration_s
        self.fragments += outcome.fragments

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._started

    @property
    def speed(self) -> float:
        """Seconds of audio processed in a second."""
        return self.audio_s / max(self.seconds, 1e-9)
