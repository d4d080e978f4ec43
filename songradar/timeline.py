"""What was played when: answers about pieces of a long recording, joined into playings.

A song that is played is a line: `song time = rate * recording time + shift`. Each answer of a search is a point, and
the points of a playing lie on its line. Along a line, every fragment of the recording is compared with the song, which
tells where the playing begins and ends, and whether another line explains the same sound better.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_RATE = 1.15
"""Songs are followed if they are played this much faster, or slower."""

APART_S, SLOPE = 0.5, 0.03
"""How far a point may lie from a line to be on it; and further by SLOPE of the time to the line's nearest point."""

TUNED_S, RATES = 15.0, np.linspace(0.9, 1.1, 21)
"""A line of this length is compared with its song as if played at each of RATES."""

PRIOR, HEARD = 1, 9
"""Slopes of 1 that count beside those between points, and slopes of the rate that was found by comparing."""

NEAR_S, FAR_S = 4.0, 20.0
"""Slopes are taken between points that are FAR_S apart, or half of the line, but not less than NEAR_S."""

REACH_S = 15.0
"""How far beyond its points a line is looked along."""

GAP_S = 30.0
"""How long a song may not be heard and still be the same playing, if it goes on where it would have been by then."""

SMOOTHING_S = 2.5
"""Similarities are averaged over this time to tell where a song is heard at all."""

FAINT = 0.12
"""Similarity below which a fragment is no more like a song than strangers are."""

FADED = 0.2
"""Similarity that is expected of a fragment in which a song is faded in or out."""

NEED = 1.2
"""What a playing's fragments must have in all, beyond FAINT and beyond what other playings explain."""

SURE = 3.0
"""Log odds that a playing's points must have."""

ENOUGH = 7
"""Points that tell how fast a song is played; from then on it is only followed."""

EDGE_S = 6.0
"""A playing that seems to begin so shortly after its song does, begins with its song; and so it ends."""


@dataclass(frozen=True)
class Playing:
    """A song, or what is unknown, from one time of a recording to another, in seconds.

    `song_start_s` and `song_end_s` are where in the song that is; `speed` is 1.018 where it is played 1.8 % faster;
    `coverage` is the share of the `n_fragments` in it that are heard as the song. All but the times and the number of
    fragments are None for what is unknown.
    """

    start_s: float
    end_s: float
    song_id: int | None = None
    title: str | None = None
    artist: str | None = None
    source: str | None = None
    isrc: str | None = None
    mbid: str | None = None
    song_start_s: float | None = None
    song_end_s: float | None = None
    speed: float | None = None
    confidence: float | None = None
    coverage: float | None = None
    n_fragments: int = 0


@dataclass(frozen=True)
class Point:
    """An answer about a window of a recording: `song_id`, whose `song_s` is heard at `at_s`, the window's middle.

    `log_odds` are those of the answer's confidence.
    """

    at_s: float
    seconds: float
    song_id: int
    song_s: float
    log_odds: float


@dataclass
class Line:
    """The points of a playing, and how similar each fragment of the recording is to the song there.

    `similarities` begin with the fragment number `first`; fragments are `hop_s` apart.
    """

    song_id: int
    points: list[Point]
    rate: float = 1.0
    shift_s: float = 0.0
    heard_rate: float | None = None
    first: int = 0
    similarities: list[float] = field(default_factory=list)

    @property
    def end(self) -> int:
        """One more than the number of the last fragment compared."""
        return self.first + len(self.similarities)

    @property
    def log_odds(self) -> float:
        """How sure its points are together: the best, and half of the best that does not overlap with it."""
        best = max(self.points, key=lambda point: point.log_odds)
        others = [p.log_odds for p in self.points if abs(p.at_s - best.at_s) >= (p.seconds + best.seconds) / 2 - 1e-6]
        return best.log_odds + max(0.0, max(others, default=0.0)) / 2

    def last_heard(self, hop_s: float) -> float:
        """Number of the last fragment that matters to it."""
        return max(self.end, max(point.at_s + point.seconds / 2 for point in self.points) / hop_s)

    @property
    def is_believed(self) -> bool:
        """Whether its points suffice to name the song."""
        return self.log_odds >= SURE

    @property
    def is_known(self) -> bool:
        """Whether no more points are needed: they suffice to tell the song, and how fast it is played."""
        at = [point.at_s for point in self.points]
        return len(at) >= ENOUGH and max(at) - min(at) >= FAR_S and self.log_odds >= 2 * SURE

    def song_s(self, at_s: float | NDArray[np.floating[Any]]) -> Floats:
        """Where in the song `at_s` lies, of times in the recording."""
        return np.asarray(self.shift_s + self.rate * np.asarray(at_s))

    def takes(self, point: Point) -> bool:
        """Whether the point may lie on this line."""
        if point.song_id != self.song_id:
            return False
        last = min(self.points, key=lambda mine: abs(mine.at_s - point.at_s))
        span_s = abs(point.at_s - last.at_s)
        if span_s > 4 * REACH_S:
            return False
        expected = last.song_s + self.rate * (point.at_s - last.at_s)
        slack = SLOPE if self.is_known else MAX_RATE - 1
        return abs(point.song_s - expected) <= APART_S + slack * span_s

    def add(self, point: Point) -> None:
        """Take the point in, and fit the line to all: the median of the slopes between two (Theil 1950, Sen 1968).

        Songs are mostly played as they are, which counts as PRIOR more slopes of 1; a rate that was heard as HEARD.
        """
        self.points.append(point)
        at, song = np.array([(p.at_s, p.song_s) for p in self.points]).T
        one, other = np.triu_indices(len(at), 1)
        far = np.abs(at[other] - at[one]) >= max(NEAR_S, min(FAR_S, np.ptp(at) / 2))
        slopes = (song[other] - song[one])[far] / (at[other] - at[one])[far]
        believed = [1.0] * PRIOR if self.heard_rate is None else [self.heard_rate] * HEARD
        self.rate = float(np.clip(np.median([*slopes, *believed]), 1 / MAX_RATE, MAX_RATE))
        self.shift_s = float(np.median(song - self.rate * at))

    def tune(self, rate: float, at_s: float) -> None:
        """Be played at `rate`, and where it was at `at_s`: what has been compared says so."""
        self.shift_s += (self.rate - rate) * at_s
        self.rate = self.heard_rate = rate


@dataclass(frozen=True)
class Stretch:
    """Fragments `first` to `last` of a recording that are heard as a line's song."""

    line: Line
    first: int
    last: int

    def similarities(self, first: int, last: int) -> Floats:
        """Of the fragments `first` to `last`; 0 outside of the stretch."""
        found = np.zeros(last + 1 - first)
        begin, end = max(first, self.first), min(last, self.last)
        if begin <= end:
            mine = self.line.similarities[begin - self.line.first : end + 1 - self.line.first]
            found[begin - first : end + 1 - first] = mine
        return found


def join(points: Sequence[Point], lines: Sequence[Line]) -> list[Line]:
    """Add each point to the line that it lies on, of those that are there; returns the lines that have to be begun."""
    new: list[Line] = []
    for point in points:
        on = [line for line in (*lines, *new) if line.takes(point)]
        if on:
            min(on, key=lambda line: abs(float(line.song_s(point.at_s)) - point.song_s)).add(point)
        else:
            new.append(Line(point.song_id, [point], shift_s=point.song_s - point.at_s))
    return new


def stretches(line: Line, hop_s: float) -> list[Stretch]:
    """Where a line's song is heard: runs of similar fragments, joined across gaps of GAP_S at most."""
    similar = np.array(line.similarities)
    if not len(similar):
        return []
    width = max(1, round(SMOOTHING_S / hop_s))
    smooth = np.convolve(np.pad(similar, (width // 2, width - 1 - width // 2), "edge"), np.ones(width) / width, "valid")
    level = bar(line, hop_s)
    heard = np.flatnonzero(smooth > level)
    if not len(heard):
        return []
    runs = np.split(heard, np.flatnonzero(np.diff(heard) > GAP_S / hop_s) + 1)
    found = []
    for run in runs:
        begin = refined(similar, int(run[0]), width, level)
        end = len(similar) - 1 - refined(similar[::-1], len(similar) - 1 - int(run[-1]), width, level)
        if begin <= end:
            found.append(Stretch(line, line.first + begin, line.first + end))
    return found


def bar(line: Line, hop_s: float) -> float:
    """The similarity that tells a fragment of the song from another: half of what those around the points have."""
    best = max(line.points, key=lambda point: point.log_odds)
    first = round((best.at_s - best.seconds / 2) / hop_s) - line.first
    last = round((best.at_s + best.seconds / 2) / hop_s) - line.first
    around = line.similarities[max(0, first) : max(1, last)]
    return float(np.clip(np.median(around) / 2 if around else 0.0, FAINT, 0.35))


def refined(similar: Floats, begin: int, width: int, level: float) -> int:
    """The fragment near `begin` at which the song most likely begins: before it few are similar, from it on most are.

    If it is faded in, so that it is heard faintly before, it begins there.
    """
    low, high = max(0, begin - 2 * width), min(len(similar), begin + 2 * width)
    clear = low + last_highest(np.cumsum((similar[low:high] - level)[::-1])[::-1])
    low = max(0, clear - 5 * width)
    faint = np.cumsum((similar[low : clear + 1] - FADED)[::-1])[::-1]
    return low + last_highest(faint)


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


def gaps(
    spans: Sequence[tuple[float, float]], start_s: float, end_s: float, at_least_s: float
) -> Iterator[tuple[float, float]]:
    """The times between `start_s` and `end_s` that no span covers, if they are long enough."""
    at = start_s
    for begin, end in [*sorted(spans), (end_s, end_s)]:
        if min(begin, end_s) - at >= at_least_s:
            yield at, min(begin, end_s)
        at = max(at, end)


Follow = Callable[[Line, int, int], Sequence[float]]
"""Similarities of the fragments from one number to another (excluded) to the song along a line."""


def tune(line: Line, hop_s: float, oldest: int, follow: Follow) -> None:
    """Find out how fast a line's song is played by trying RATES, and others near the best, once it is long enough.

    Fragments are at hand from the number `oldest` on.
    """
    heard = max(stretches(line, hop_s), key=lambda stretch: stretch.last - stretch.first, default=None)
    if line.heard_rate is not None or heard is None:
        return
    first, last = max(heard.first, oldest), heard.last + 1
    if (last - first) * hop_s < TUNED_S:
        return
    best = max(line.points, key=lambda point: point.log_odds).at_s

    def score(rate: float) -> float:
        trial = replace(line)
        trial.tune(rate, best)
        return float(np.mean(follow(trial, first, last)))

    rate = max([line.rate, *RATES.tolist()], key=score)
    line.tune(max(np.linspace(rate - 0.0075, rate + 0.0075, 7).tolist(), key=score), best)
    line.similarities[first - line.first : last - line.first] = follow(line, first, last)


def extend(line: Line, hop_s: float, oldest: int, newest: int, follow: Follow) -> None:
    """Compare the recording with the song around the line's points, and on while the song is heard.

    Fragments are at hand from the number `oldest` to `newest`, the latter excluded.
    """
    reach = round(REACH_S / hop_s)
    first = max(oldest, round(min(p.at_s - p.seconds / 2 for p in line.points) / hop_s) - reach)
    last = min(newest, round(max(p.at_s + p.seconds / 2 for p in line.points) / hop_s) + reach)
    if not line.similarities:
        line.first = max(oldest, first)
        line.similarities = list(follow(line, line.first, last)) if last > line.first else []
    elif first < line.first:
        line.similarities[:0] = follow(line, first, line.first)
        line.first = first
    while line.end < newest:
        heard = stretches(line, hop_s)
        edge = max((stretch.last for stretch in heard), default=line.first) + reach
        until = min(newest, max(last, edge))
        if until <= line.end:
            break
        line.similarities.extend(follow(line, max(line.end, oldest), until))
