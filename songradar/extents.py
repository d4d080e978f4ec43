"""From when to when a song is heard along its line, and which of the lines are playings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from songradar.timeline import Line

Floats = NDArray[np.float64]

GAP_S = 30.0
"""How long a song may not be heard and still be the same playing, if it goes on where it would have been by then."""

SMOOTHING_S = 2.5
"""Similarities are averaged over this time to tell where a song is heard at all."""

FAINT = 0.12
"""Similarity above which a fragment rather is of the song than not: strangers reach -0.01, and 0.21 once in twenty."""

FAINTLY_S, GAINED, LOST = 12.5, 0.3, 1.0
"""So long a song may be heard faintly before it is heard clearly, if its fragments have so much beyond FAINT in all. If
they fall behind by so much in between, it was something like it that was heard before.
"""

JOINED = 0.6
"""What fragments apart from the rest of a playing must have in all beyond the level above which a song is heard."""

SUDDEN = 0.75
"""A song comes in suddenly if its first three fragments are as similar as this share of those that follow."""

NEED = 1.2
"""What a playing's fragments must have in all, beyond FAINT and beyond what other playings explain."""


@dataclass(frozen=True)
class Stretch:
    """Fragments `first` to `last` of a recording that are heard as a line's song, and whether it fades in."""

    line: Line
    first: int
    last: int
    fades_in: bool = False

    def similarities(self, first: int, last: int) -> Floats:
        """Of the fragments `first` to `last`; 0 outside of the stretch."""
        found = np.zeros(last + 1 - first)
        begin, end = max(first, self.first), min(last, self.last)
        if begin <= end:
            mine = self.line.similarities[begin - self.line.first : end + 1 - self.line.first]
            found[begin - first : end + 1 - first] = mine
        return found


def stretches(line: Line, hop_s: float) -> list[Stretch]:
    """Where a line's song is heard: runs of similar fragments, joined across gaps of GAP_S at most."""
    similar = np.array(line.similarities)
    if not len(similar):
        return []
    width = max(1, round(SMOOTHING_S / hop_s))
    smooth = np.convolve(np.pad(similar, (width // 2, width - 1 - width // 2), "edge"), np.ones(width) / width, "valid")
    level = bar(line, hop_s)
    heard = np.flatnonzero(smooth > level)
    found = []
    for run in joined(heard, similar - level, width, round(GAP_S / hop_s)):
        begin, fades_in = edge(similar, int(run[0]), level, hop_s)
        behind, _ = edge(similar[::-1], len(similar) - 1 - int(run[-1]), level, hop_s)
        end = len(similar) - 1 - behind
        if begin <= end:
            found.append(Stretch(line, line.first + begin, line.first + end, fades_in))
    return found


def joined(heard: NDArray[np.intp], excess: Floats, width: int, gap: int) -> Iterator[NDArray[np.intp]]:
    """Runs of the numbers `heard` that are `gap` apart at most, without what was similar by chance at their ends.

    What is further than `width` from the rest of a run belongs to it if its `excess` of similarity is JOINED in all.
    """
    if not len(heard):
        return
    pieces = np.split(heard, np.flatnonzero(np.diff(heard) > width) + 1)
    weights = [float(np.sum(excess[piece])) for piece in pieces]
    sound = [piece for piece, weight in zip(pieces, weights, strict=True) if weight >= JOINED]
    if not sound:
        sound = [pieces[int(np.argmax(weights))]]
    kept = np.concatenate(sound)
    yield from np.split(kept, np.flatnonzero(np.diff(kept) > gap) + 1)


def bar(line: Line, hop_s: float) -> float:
    """The similarity that tells a fragment of the song from another: half of what those around the points have."""
    around: list[float] = []
    for point in line.points:
        first, last = (round(end_s / hop_s) - line.first for end_s in point.window)
        around += line.similarities[max(0, first) : max(0, last)]
    return float(np.clip(np.median(around) / 2 if around else 0.0, FAINT, 0.35))


def edge(similar: Floats, near: int, level: float, hop_s: float) -> tuple[int, bool]:
    """The fragment near `near` at which the song most likely begins, and whether it comes in bit by bit.

    It begins where few fragments before are more similar than `level`, and most from there on; or, if it is faded in,
    where it is faintly heard already.
    """
    width = max(1, round(SMOOTHING_S / hop_s))
    low, high = max(0, near - 2 * width), min(len(similar), near + 2 * width)
    clear = low + last_highest(np.cumsum((similar[low:high] - level)[::-1])[::-1])
    usual = float(np.median(similar[clear : clear + 4 * width]))
    fades = float(np.mean(similar[clear + 1 : clear + 4])) < SUDDEN * usual if clear + 1 < len(similar) else False
    gained = np.cumsum(similar[max(0, clear - round(FAINTLY_S / hop_s)) : clear][::-1] - FAINT)
    lost = np.flatnonzero(np.maximum.accumulate(gained) - gained > LOST)
    gained = gained[: lost[0]] if len(lost) else gained
    if len(gained) and gained.max() >= GAINED:
        return clear - 1 - int(np.argmax(gained)), fades
    return clear, fades


def last_highest(values: Floats) -> int:
    """Where the highest value is; of equal ones the last."""
    return len(values) - 1 - int(np.argmax(values[::-1]))


def choose(lines: Sequence[Line], hop_s: float) -> list[Stretch]:
    """The stretches that are playings, strongest first: each has enough that stronger ones do not explain."""
    candidates = [stretch for line in lines if line.is_believed for stretch in stretches(line, hop_s)]
    strength = [float(np.sum(stretch.similarities(stretch.first, stretch.last))) for stretch in candidates]
    chosen: list[Stretch] = []
    for at in np.argsort(strength)[::-1].tolist():
        stretch = candidates[at]
        mine = stretch.similarities(stretch.first, stretch.last)
        own = mine - FAINT
        for other in chosen:
            theirs = other.similarities(stretch.first, stretch.last)
            # A song is like itself at other places, so there only what is not heard at the other place counts.
            share = 0.5 if other.line.song_id == stretch.line.song_id else 1.0
            own = np.where(theirs < share * mine, np.minimum(own, mine - np.maximum(theirs, FAINT)), 0)
        if own[own > 0].sum() >= NEED:
            chosen.append(stretch)
    return chosen
