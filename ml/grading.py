"""How well a long recording is named: what was heard in it, second by second and playing by playing, against the truth.

The time is cut into steps of STEP_S. A song that plays has to be named where its fader is half up or more, and may be
named as long as it can be heard at all. Where two songs have to be named, one of them is enough. A name is right if the
place in the song is right, too.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from songradar.ml.evaluation import bins, mean_gap
from songradar.ml.mixes import Kind, Truth

STEP_S = 0.05

NEAR_S = 1.0
"""Seconds by which the named place in a song may differ from the true one."""

FOUND, FALSE = 0.5, 0.1
"""A playing is found if it is rightly named for the first share of its time. One that is named is false if less than
the second share of it is right.
"""

SOME_S = 1.0
"""A wrong name that lasts as long as this may turn out to be another song with the same sound."""

Steps: TypeAlias = NDArray[np.bool_]


class Heard(Protocol):
    """What grading reads of a playing; `source` is None for what is unknown."""

    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...
    @property
    def source(self) -> str | None: ...
    @property
    def song_start_s(self) -> float | None: ...
    @property
    def song_end_s(self) -> float | None: ...
    @property
    def confidence(self) -> float | None: ...


Alike: TypeAlias = Callable[[Truth, Heard, float, float], bool]
"""Whether a song that plays and the one that is named for it sound the same, from one time of the mix to another."""


@dataclass(frozen=True)
class Found:
    """A playing of a song of the catalogue: whether it was found, in how many parts, and how exactly.

    An error is how far the named start or end lies from the time in which the song comes or goes; None if not found.
    """

    kind: Kind
    n_parts: int = 0
    start_error_s: float | None = None
    end_error_s: float | None = None

    @property
    def is_found(self) -> bool:
        return self.n_parts > 0


@dataclass(frozen=True)
class Judged:
    """A playing as it was named: its confidence, and whether that was right.."""

    confidence: float
    is_right: bool


@dataclass(frozen=True)
class Grade:
    """Seconds and playings of one mix, or, added, of many.

    `songs_s` is the time in which a song of the catalogue has to be named: it is `right_s`, `wrong_s` (some other song
    is named, or another place of the same one, which is `elsewhere_s`) or `missed_s`. `other_s` is the time in which
    none can be heard: `false_s` of it is named all the same. `alike_s` counts nowhere else: there, another song was
    named that sounds the same.
    """

    duration_s: float = 0.0
    songs_s: float = 0.0
    right_s: float = 0.0
    wrong_s: float = 0.0
    elsewhere_s: float = 0.0
    missed_s: float = 0.0
    other_s: float = 0.0
    false_s: float = 0.0
    alike_s: float = 0.0
    found: tuple[Found, ...] = ()
    judged: tuple[Judged, ...] = ()

    def __add__(self, other: Self) -> "Grade":
        return Grade(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})

    @property
    def right(self) -> float:
        """Share of the time with songs that is named rightly."""
        return self.right_s / max(STEP_S, self.songs_s)

    @property
    def wrong(self) -> float:
        return self.wrong_s / max(STEP_S, self.songs_s)

    @property
    def elsewhere(self) -> float:
        return self.elsewhere_s / max(STEP_S, self.songs_s)

    @property
    def missed(self) -> float:
        return self.missed_s / max(STEP_S, self.songs_s)

    @property
    def false(self) -> float:
        """Share of the time without songs of the catalogue that is named all the same."""
        return self.false_s / max(STEP_S, self.other_s)

    @property
    def confusion_s(self) -> dict[str, float]:
        """True and false positives and negatives, in seconds; a wrong name is a false positive and a false negative."""
        return {
            "tp": self.right_s,
            "fp": self.wrong_s + self.false_s,
            "fn": self.missed_s + self.wrong_s,
            "tn": self.other_s - self.false_s,
        }

    @property
    def n_false(self) -> int:
        """Playings that were named and are none."""
        return sum(not one.is_right for one in self.judged)

    @property
    def false_per_hour(self) -> float:
        return self.n_false / max(STEP_S, self.duration_s) * 3600

    def found_of(self, kind: Kind) -> tuple[int, int]:
        """How many playings of a kind were found, and of how many."""
        mine = [one for one in self.found if one.kind == kind]
        return sum(one.is_found for one in mine), len(mine)

    @property
    def whole(self) -> tuple[int, int]:
        """How many of the playings found were told as one, and of how many."""
        return sum(one.n_parts == 1 for one in self.found), sum(one.is_found for one in self.found)

    @property
    def start_errors_s(self) -> list[float]:
        return [one.start_error_s for one in self.found if one.start_error_s is not None]

    @property
    def end_errors_s(self) -> list[float]:
        return [one.end_error_s for one in self.found if one.end_error_s is not None]

    @property
    def calibration_error(self) -> float:
        """Expected calibration error (Guo et al. 2017) of the playings' confidences."""
        confidence = np.array([one.confidence for one in self.judged], np.float64)
        right = np.array([one.is_right for one in self.judged], np.float64)
        return mean_gap(bins(confidence, right, np.ones(len(right))))


def never_alike(_truth: Truth, _heard: Heard, _start_s: float, _end_s: float) -> bool:
    return False


def grade(truths: Sequence[Truth], heard: Iterable[Heard], duration_s: float, alike: Alike = never_alike) -> Grade:
    """Compare what was heard in a mix of `duration_s` with what plays in it."""
    at_s = np.asarray((np.arange(round(duration_s / STEP_S)) + 0.5) * STEP_S, np.float64)
    named = [_Naming(one, truths, at_s, alike) for one in heard if one.source is not None]
    known = [truth for truth in truths if truth.source is not None]
    demanded = _marked(at_s, ((_between(at_s, truth.start_s, truth.end_s), True) for truth in known))
    allowed = _marked(at_s, ((_between(at_s, truth.first_s, truth.last_s), True) for truth in known))
    wrong = _marked(at_s, ((one.steps, one.bad) for one in named))
    right = _marked(at_s, ((one.steps, one.good) for one in named)) & ~wrong
    same = _marked(at_s, ((one.steps, one.alike) for one in named)) & ~wrong & ~right
    elsewhere = _marked(at_s, ((one.steps, one.elsewhere) for one in named))
    counted = ~same
    seconds = {
        "songs_s": demanded & counted,
        "right_s": demanded & right,
        "wrong_s": demanded & wrong,
        "elsewhere_s": demanded & elsewhere,
        "missed_s": demanded & counted & ~right & ~wrong,
        "other_s": ~allowed & counted,
        "false_s": ~allowed & wrong,
        "alike_s": same,
    }
    return Grade(
        duration_s,
        **{name: STEP_S * int(steps.sum()) for name, steps in seconds.items()},
        found=tuple(_found(truth, named, at_s) for truth in known),
        judged=tuple(one.judged for one in named if one.judged is not None),
    )


class _Naming:
    """A playing that was named, in its own `steps` of the mix: `good` where that is so, `bad` where not, or `alike`."""

    def __init__(self, heard: Heard, truths: Sequence[Truth], at_s: NDArray[np.float64], alike: Alike) -> None:
        self.heard = heard
        self.steps = _between(at_s, heard.start_s, heard.end_s)
        mine_s = at_s[self.steps]
        meanwhile = [truth for truth in truths if truth.first_s < heard.end_s and heard.start_s < truth.last_s]
        named_s = place_s(heard, mine_s)
        self.of: dict[Truth, Steps] = {}
        same_song = self.good = np.zeros(len(mine_s), bool)
        for truth in meanwhile:
            if truth.source == heard.source:
                there = (truth.first_s <= mine_s) & (mine_s < truth.last_s)
                true_s = truth.song_start_s + (mine_s - truth.start_s) * truth.speed
                self.of[truth] = there & (np.abs(named_s - true_s) <= NEAR_S)
                self.good = self.good | self.of[truth]
                same_song = same_song | there
        self.alike = _same_sound(heard, meanwhile, ~self.good, mine_s, alike)
        self.bad = ~self.good & ~self.alike
        self.elsewhere = self.bad & same_song

    @property
    def judged(self) -> Judged | None:
        """None where most of it is ambiguous."""
        n_good, n_bad, n_alike = int(self.good.sum()), int(self.bad.sum()), int(self.alike.sum())
        if n_alike > n_good + n_bad:
            return None
        return Judged(self.heard.confidence or 0.0, n_good > 0 and n_good >= FALSE * (n_good + n_bad))


def _same_sound(
    heard: Heard, truths: Sequence[Truth], doubtful: Steps, at_s: NDArray[np.float64], alike: Alike
) -> Steps:
    """Those of the doubtful steps in which what plays sounds as what is named."""
    same = np.zeros(len(at_s), bool)
    for truth in truths:
        steps = np.flatnonzero(doubtful & (truth.start_s <= at_s) & (at_s < truth.end_s))
        for _, run in groupby(enumerate(steps), key=lambda pair: pair[1] - pair[0]):
            numbers = [number for _, number in run]
            start_s, end_s = at_s[numbers[0]] - STEP_S / 2, at_s[numbers[-1]] + STEP_S / 2
            if end_s - start_s >= SOME_S and alike(truth, heard, start_s, end_s):
                same[numbers] = True
    return same


def _found(truth: Truth, named: Sequence[_Naming], at_s: NDArray[np.float64]) -> Found:
    parts = [one for one in named if truth in one.of and one.of[truth].any()]
    demanded = _between(at_s, truth.start_s, truth.end_s)
    rightly = _marked(at_s, ((one.steps, one.of[truth]) for one in parts))[demanded]
    if not parts or rightly.sum() < FOUND * len(rightly):
        return Found(truth.kind)
    start_s, end_s = min(one.heard.start_s for one in parts), max(one.heard.end_s for one in parts)
    return Found(
        truth.kind,
        len(parts),
        _distance(start_s, truth.first_s, truth.start_s),
        _distance(end_s, truth.end_s, truth.last_s),
    )


def _distance(value: float, low: float, high: float) -> float:
    """How far a value lies outside of a range.

    >>> _distance(1.0, 2.0, 5.0), _distance(3.0, 2.0, 5.0)
    (1.0, 0.0)
    """
    return max(0.0, low - value, value - high)


def place_s(heard: Heard, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where in the named song one is at each time."""
    start_s, end_s = heard.song_start_s or 0.0, heard.song_end_s or 0.0
    pace = (end_s - start_s) / max(1e-9, heard.end_s - heard.start_s)
    return start_s + (at_s - heard.start_s) * pace


def _between(at_s: NDArray[np.float64], start_s: float, end_s: float) -> slice:
    """The steps from one time to another, the latter excluded."""
    return slice(*np.searchsorted(at_s, (start_s, end_s)))


def _marked(at_s: NDArray[np.float64], pieces: Iterable[tuple[slice, Steps | bool]]) -> Steps:
    """Where at least one is true, of pieces that each lie in some steps."""
    marked = np.zeros(len(at_s), bool)
    for steps, piece in pieces:
        marked[steps] |= piece
    return marked
