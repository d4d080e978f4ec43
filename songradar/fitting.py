"""Lines are laid along their songs: how far, how fast, and where exactly, by comparing fragment by fragment."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from songradar.extents import stretches
from songradar.timeline import APART_S, SURE, Line

REACH_S = 15.0
"""How far beyond its points a line is looked along."""

FITTED_S, LONGER, LONGEST_S = 10.0, 1.4, 60.0
"""A line of this length is fitted to its song, and again when it is so many times longer, up to LONGEST_S at a time."""

RATES, FINE_RATES = np.linspace(0.9, 1.1, 21), np.linspace(-0.0075, 0.0075, 7)
"""How fast a song may be played: roughly, and what is tried beside the best of these."""

SHIFTS_S = np.linspace(-0.4, 0.4, 9)
"""How far a line may lie beside its song."""

CHANGED = 0.3
"""Similarity that another rate, or place, must gain in all.

In fifteen seconds, unchanged songs gain 0.1 by chance, or 0.2 if they are hardly heard; those that are played 4 %
faster or slower gain 0.6 at least.
"""

BESIDE_S = np.array([sign * seconds for seconds in (3, 4, 5, 6, 8, 10, 12, 15, 20) for sign in (-1, 1)])
"""Where else a song is compared: nearer, fragments overlap, and further, another part of it may have begun."""

DRIFTED_S = 0.15
"""A line is bent only if its song is further from where it is expected."""

Floats = NDArray[np.float64]


class Follow(Protocol):
    """Compares the fragments at hand with songs; see `following.Follower`."""

    def follow(self, line: Line, first: int, last: int) -> Floats: ...

    def everywhere(
        self, line: Line, first: int, last: int, at_s: float, rates: Sequence[float]
    ) -> tuple[Floats, Floats]: ...


def extend(line: Line, hop_s: float, oldest: int, newest: int, songs: Follow) -> None:
    """Compare the recording with the song around the line's points, and on while the song is heard.

    Fragments are at hand from the number `oldest` to `newest`, the latter excluded.
    """
    reach = round(REACH_S / hop_s)
    first = max(oldest, round(min(p.window[0] for p in line.points) / hop_s) - reach)
    last = min(newest, round(max(p.window[1] for p in line.points) / hop_s) + reach)
    if not line.similarities:
        line.first = first
        line.similarities = songs.follow(line, first, last).tolist() if last > first else []
    while True:
        heard = stretches(line, hop_s)
        begin = max(oldest, min([first, *(stretch.first - reach for stretch in heard)]))
        if begin >= line.first:
            break
        line.similarities[:0] = songs.follow(line, begin, line.first).tolist()
        line.first = begin
    while line.end < newest:
        heard = stretches(line, hop_s)
        edge = max((stretch.last for stretch in heard), default=line.first) + reach
        until = min(newest, max(last, edge))
        if until <= line.end:
            break
        line.similarities.extend(songs.follow(line, line.end, until).tolist())


def fit(line: Line, hop_s: float, oldest: int, songs: Follow) -> None:
    """Find out how fast a line's song is played, and where it is, once it is long enough; then keep to it.

    Fragments are at hand from the number `oldest` on.
    """
    first, last = comparable(line, hop_s, oldest)
    compared = line.similarities[first - line.first : last - line.first]
    seconds, middle_s = np.count_nonzero(compared) * hop_s, (first + last) / 2 * hop_s
    if not compared:
        return
    if seconds < FITTED_S and not line.fitted_s:
        line.shift_s = line_near(line, first, last, middle_s, float(line.song_s(middle_s)), [line.rate], songs).shift_s
    elif line.fitted_s < LONGEST_S / LONGER and seconds >= LONGER * line.fitted_s:
        line.fitted_s, line.anchors = seconds, []
        lay_best(line, first, last, middle_s, songs)
        line.anchors.append((middle_s, float(line.song_s(middle_s))))
    elif middle_s >= line.anchors[-1][0] + LONGEST_S / 2:
        keep_to(line, first, last, middle_s, songs)
    else:
        return
    begin = max(line.first, oldest)
    line.similarities[begin - line.first :] = songs.follow(line, begin, line.end).tolist()


def comparable(line: Line, hop_s: float, oldest: int) -> tuple[int, int]:
    """The fragments, the last one excluded, in which the song is heard, or should be: LONGEST_S at most."""
    heard = max(stretches(line, hop_s), key=lambda stretch: stretch.last - stretch.first, default=None)
    first = min(round(p.window[0] / hop_s) for p in line.points)
    last = max(round(p.window[1] / hop_s) for p in line.points)
    if heard is not None:
        first, last = min(first, heard.first), max(last, heard.last + 1)
    last = min(last, line.end)
    return max(first, line.first, oldest, last - round(LONGEST_S / hop_s)), last


def lay_best(line: Line, first: int, last: int, at_s: float, songs: Follow) -> None:
    """Lay a line where, and at the rate at which, its fragments are most similar to its song.

    At the place where it is, and at a rate of 1, unless another one gains CHANGED.
    """
    here_s = float(line.song_s(at_s))
    rates = [1.0, *RATES.tolist()]
    places_s, means = songs.everywhere(line, first, last, at_s, rates)
    changed, there = np.unravel_index(int(np.argmax(means)), means.shape)
    near = (rates[changed] + FINE_RATES).tolist()
    unchanged_s, changed_s = float(places_s[int(np.argmax(means[0]))]), float(places_s[there])
    found, best = line, -np.inf
    for place_s, several in ((here_s, [1.0]), (unchanged_s, [1.0]), (here_s, near), (changed_s, near)):
        trial = line_near(line, first, last, at_s, place_s, several, songs)
        gained = float(np.sum(songs.follow(trial, first, last)))
        if gained > best + CHANGED:
            found, best = trial, gained
    line.rate, line.shift_s = found.rate, found.shift_s


def weigh(line: Line, hop_s: float, oldest: int, songs: Follow) -> None:
    """Find out how similar a line's song is beside its place, where that can make a difference to whether it is told.

    Fragments are at hand from the number `oldest` on.
    """
    if not SURE <= line.points_log_odds < 4 * SURE:
        return
    first, last = comparable(line, hop_s, oldest)
    middle_s = (first + last) / 2 * hop_s
    places_s = float(line.song_s(middle_s)) + BESIDE_S
    trials = [line.through(middle_s, place_s, line.rate) for place_s in places_s.tolist()]
    here, *beside = (float(np.sum(songs.follow(trial, first, last))) for trial in (line, *trials))
    line.beside = max(beside) / here if here > 0 else 1.0


def line_near(
    line: Line, first: int, last: int, at_s: float, place_s: float, rates: Sequence[float], songs: Follow
) -> Line:
    """The line that is most similar to its song, of those that are near `place_s` at the time `at_s`."""
    trials = [line.through(at_s, place_s + shift_s, rate) for rate in rates for shift_s in SHIFTS_S.tolist()]
    return max(trials, key=lambda trial: float(np.sum(songs.follow(trial, first, last))))


def keep_to(line: Line, first: int, last: int, at_s: float, songs: Follow) -> None:
    """Bend a line that its song has drifted away from: a rate is known the better, the longer a song plays."""
    found = line_near(line, first, last, at_s, float(line.song_s(at_s)), [line.rate], songs)
    line.anchors.append((at_s, float(found.song_s(at_s))))
    if abs(found.shift_s - line.shift_s) > DRIFTED_S:
        at, place = np.array(line.anchors).T
        line.lay(*line.anchors[-1], float(np.polyfit(at, place, 1)[0]))


def merged(lines: Sequence[Line]) -> list[Line]:
    """The lines, with those of one song that have come to lie on each other made one."""
    found: list[Line] = []
    for line in lines:
        same = next((other for other in found if is_same(line, other)), None)
        if same is None:
            found.append(line)
            continue
        first, end = min(same.first, line.first), max(same.end, line.end)
        several = np.zeros((2, end - first))
        for row, each in enumerate((same, line)):
            several[row, each.first - first : each.end - first] = each.similarities
        same.first, same.similarities = first, several.max(axis=0).tolist()
        same.points += line.points
    return found


def is_same(line: Line, other: Line) -> bool:
    """Whether two lines, both laid along one song, lie on each other where both are compared."""
    if line.song_id != other.song_id or not (line.fitted_s and other.fitted_s):
        return False
    if max(line.first, other.first) > min(line.end, other.end):
        return False
    at_s = [point.at_s for point in (*line.points, *other.points)]
    apart_s = [abs(float(line.song_s(at)) - float(other.song_s(at))) for at in (min(at_s), max(at_s))]
    return max(apart_s) <= APART_S
