"""What was played when: answers about pieces of a long recording, joined into playings.

A song that is played is a line: `song time = rate * recording time + shift`. Each answer of a search is a point, and
the points of a playing lie on its line. Along a line, every fragment of the recording is compared with the song, which
tells where the playing begins and ends, and whether another line explains the same sound better.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_RATE = 1.15
"""Songs are followed if they are played this much faster, or slower."""

APART_AT_MOST_S = 60.0
"""Points further apart are of two lines."""

APART_S, SLOPE = 0.5, 0.03
"""How far a point may lie from a line to be on it; and further by SLOPE of the time to the line's nearest point."""

NEAR_S, FAR_S = 9.0, 20.0
"""Slopes are taken between points that are FAR_S apart, or half of the line, but not less than NEAR_S."""

SURE = 3.0
"""Log odds that a playing's points must have."""


USUAL_RATE, UNUSUAL = 0.06, 2.5
"""Songs are played faster or slower by this share at most, nearly always; if not, log odds are less by so much: one in
fifty songs might be, but every third line that has come about by chance is.
"""


SAME = 0.85
"""Share of a line's similarity that its song may have some seconds beside it. Answers are sure because fragments agree
in time, and where the song is alike from moment to moment, as drones and beats are, others agree with it as well. Of
205 playings in mixes of validation songs, all right, the 47 with log odds below 12 reach 0.73 at most.
"""


@dataclass(frozen=True)
class Playing:
    """A song, or what is unknown, from one time of a recording to another, in seconds.

    `song_start_s` and `song_end_s` are where in the song that is; `speed` is 1.018 where it is played 1.8 % faster;
    `coverage` is the share of the `n_fragments` in it that are heard as the song. All but the times and the number of
    fragments are None for what is unknown. A song that was removed since keeps its title, while `song_id` is None.
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

    @property
    def is_unknown(self) -> bool:
        """Whether no song was named."""
        return self.title is None


@dataclass(frozen=True)
class Point:
    """An answer about a window of a recording: `song_id`, whose `song_s` is heard at `at_s`, the window's middle.

    `log_odds` are those of the answer's confidence. A thorough look gave it, or a first one.
    """

    at_s: float
    seconds: float
    song_id: int
    song_s: float
    log_odds: float
    is_thorough: bool = True

    @property
    def window(self) -> tuple[float, float]:
        """From when to when, in seconds."""
        return self.at_s - self.seconds / 2, self.at_s + self.seconds / 2


@dataclass
class Line:
    """The points of a playing, and how similar each fragment of the recording is to the song there.

    `similarities` begin with the fragment number `first`; fragments are `hop_s` apart. `fitted_s` is the length in
    which they were compared to find out how fast the song is played, and `anchors` where it was at some times.
    `beside` is how similar the song is some seconds before or after its place, as a share of how similar it is there.
    """

    song_id: int
    points: list[Point]
    rate: float = 1.0
    shift_s: float = 0.0
    fitted_s: float = 0.0
    anchors: list[tuple[float, float]] = field(default_factory=list)
    first: int = 0
    similarities: list[float] = field(default_factory=list)
    beside: float = 0.0

    @property
    def best(self) -> Point:
        """The answer that is surest."""
        return max(self.points, key=lambda point: point.log_odds)

    @property
    def end(self) -> int:
        """One more than the number of the last fragment compared."""
        return self.first + len(self.similarities)

    @property
    def log_odds(self) -> float:
        """How sure its points are together; half as much if the song might as well be at another place."""
        return self.points_log_odds / (2 if self.beside > SAME else 1)

    @property
    def points_log_odds(self) -> float:
        """Of the best point, and half of those of the best that does not overlap with it.

        Less if the speed is one at which songs are hardly ever played.
        """
        best = self.best
        others = [p.log_odds for p in self.points if abs(p.at_s - best.at_s) >= (p.seconds + best.seconds) / 2 - 1e-6]
        unusual = UNUSUAL if abs(self.rate - 1) > USUAL_RATE else 0.0
        return best.log_odds + max(0.0, max(others, default=0.0)) / 2 - unusual

    def last_heard(self, hop_s: float) -> float:
        """Number of the last fragment that matters to it."""
        return max(self.end, max(point.window[1] for point in self.points) / hop_s)

    @property
    def is_believed(self) -> bool:
        """Whether its points suffice to name the song."""
        return self.log_odds >= SURE

    @property
    def is_known(self) -> bool:
        """Whether no more points are needed: they suffice to tell the song, and how fast it is played."""
        return self.fitted_s > 0 and self.log_odds >= 2 * SURE

    def song_s(self, at_s: float | NDArray[np.floating[Any]]) -> Floats:
        """Where in the song `at_s` lies, of times in the recording."""
        return np.asarray(self.shift_s + self.rate * np.asarray(at_s))

    def takes(self, point: Point) -> bool:
        """Whether the point may lie on this line."""
        if point.song_id != self.song_id:
            return False
        last = min(self.points, key=lambda mine: abs(mine.at_s - point.at_s))
        span_s = abs(point.at_s - last.at_s)
        if span_s > APART_AT_MOST_S:
            return False
        expected = last.song_s + self.rate * (point.at_s - last.at_s)
        slack = SLOPE if self.fitted_s else MAX_RATE - 1
        return abs(point.song_s - expected) <= APART_S + slack * span_s

    def add(self, point: Point) -> None:
        """Take the point in, and, unless the line was fitted, lay it through all of them.

        Its rate is the median of the slopes between two points (Theil 1950, Sen 1968) and of one slope of 1 more, as
        songs are mostly played as they are.
        """
        self.points.append(point)
        if self.fitted_s:
            return
        at, song = np.array([(p.at_s, p.song_s) for p in self.points]).T
        one, other = np.triu_indices(len(at), 1)
        far = np.abs(at[other] - at[one]) >= max(NEAR_S, min(FAR_S, np.ptp(at) / 2))
        slopes = (song[other] - song[one])[far] / (at[other] - at[one])[far]
        self.rate = float(np.clip(np.median([*slopes, 1.0]), 1 / MAX_RATE, MAX_RATE))
        self.shift_s = float(np.median(song - self.rate * at))

    def lay(self, at_s: float, song_s: float, rate: float) -> None:
        """Be at `song_s` at the time `at_s`, and played at `rate`."""
        self.rate, self.shift_s = rate, song_s - rate * at_s

    def through(self, at_s: float, song_s: float, rate: float) -> "Line":
        """Another line of this song, laid so."""
        other = replace(self)
        other.lay(at_s, song_s, rate)
        return other


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


def gaps(
    spans: Sequence[tuple[float, float]], start_s: float, end_s: float, at_least_s: float
) -> Iterator[tuple[float, float]]:
    """The times between `start_s` and `end_s` that no span covers, if they are long enough."""
    at = start_s
    for begin, end in [*sorted(spans), (end_s, end_s)]:
        if min(begin, end_s) - at >= at_least_s:
            yield at, min(begin, end_s)
        at = max(at, end)
