"""Lines are laid along their songs: how far, how fast, and where exactly, by comparing fragment by fragment."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from songradar.extents import stretches
from songradar.timeline import Line

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
    first = max(oldest, round(min(p.at_s - p.seconds / 2 for p in line.points) / hop_s) - reach)
    last = min(newest, round(max(p.at_s + p.seconds / 2 for p in line.points) / hop_s) + reach)
    if not line.similarities:
        line.first = max(oldest, first)
        line.similarities = songs.follow(line, line.first, last).tolist() if last > line.first else []
    elif first < line.first:
        line.similarities[:0] = songs.follow(line, first, line.first).tolist()
        line.first = first
    while line.end < newest:
        heard = stretches(line, hop_s)
        edge = max((stretch.last for stretch in heard), default=line.first) + reach
        until = min(newest, max(last, edge))
        if until <= line.end:
            break
        line.similarities.extend(songs.follow(line, max(line.end, oldest), until).tolist())


def fit(line: Line, hop_s: float, oldest: int, songs: Follow) -> None:
    """Find out how fast a line's song is played, and where it is, once it is long enough; then keep to it.

    Fragments are at hand from the number `oldest` on.
    """
    first, last = comparable(line, hop_s, oldest)
    compared = line.similarities[first - line.first : last - line.first]
    seconds, middle_s = np.count_nonzero(compared) * hop_s, (first + last) / 2 * hop_s
    if seconds < FITTED_S:
        return
    if line.fitted_s < LONGEST_S / LONGER and seconds >= LONGER * line.fitted_s:
        line.fitted_s, line.anchors = seconds, []
        lay_best(line, first, last, middle_s, songs)
    elif middle_s >= line.anchors[-1][0] + LONGEST_S / 2:
        keep_to(line, first, last, middle_s, songs)
    else:
        return
    line.anchors.append((middle_s, float(line.song_s(middle_s))))
    line.similarities[first - line.first : last - line.first] = songs.follow(line, first, last).tolist()


def comparable(line: Line, hop_s: float, oldest: int) -> tuple[int, int]:
    """The fragments, the last one excluded, in which the song is heard, or should be: LONGEST_S at most."""
    heard = max(stretches(line, hop_s), key=lambda stretch: stretch.last - stretch.first, default=None)
    first = min(round((p.at_s - p.seconds / 2) / hop_s) for p in line.points)
    last = max(round((p.at_s + p.seconds / 2) / hop_s) for p in line.points)
    if heard is not None:
        first, last = min(first, heard.first), max(last, heard.last + 1)
    last = min(last, line.end)
    return max(first, line.first, oldest, last - round(LONGEST_S / hop_s)), last


def lay_best(line: Line, first: int, last: int, at_s: float, songs: Follow) -> None:
    """Lay a line where, and at the rate at which, its fragments are most similar to its song.

    At the place where it is, and at a rate of 1, unless another one gains CHANGED.
    """

    def gained(trial: tuple[float, float]) -> float:
        return float(np.sum(songs.follow(line.through(at_s, *trial), first, last)))

    def best_near(place_s: float, rates: Sequence[float]) -> tuple[float, float]:
        return max([(place_s + shift_s, rate) for rate in rates for shift_s in SHIFTS_S.tolist()], key=gained)

    here_s = float(line.song_s(at_s))
    places_s, means = songs.everywhere(line, first, last, at_s, [1.0, *RATES.tolist()])
    changed, there = np.unravel_index(int(np.argmax(means)), means.shape)
    rough = [1.0, *RATES.tolist()][changed]
    trials = [best_near(here_s, [1.0]), best_near(float(places_s[int(np.argmax(means[0]))]), [1.0])]
    trials += [best_near(place_s, (rough + FINE_RATES).tolist()) for place_s in (here_s, float(places_s[there]))]
    found = trials[0]
    for trial in trials[1:]:
        if gained(trial) > gained(found) + CHANGED:
            found = trial
    line.lay(at_s, *found)


def keep_to(line: Line, first: int, last: int, at_s: float, songs: Follow) -> None:
    """Bend a line that its song has drifted away from: a rate is known the better, the longer a song plays."""

    def similarity(shift_s: float) -> float:
        return float(np.sum(songs.follow(line.through(at_s, place_s + shift_s, line.rate), first, last)))

    place_s = float(line.song_s(at_s))
    drifted_s = max(SHIFTS_S.tolist(), key=similarity)
    if abs(drifted_s) > DRIFTED_S:
        at, place = np.array([*line.anchors, (at_s, place_s + drifted_s)]).T
        line.lay(at_s, place_s + drifted_s, float(np.polyfit(at, place, 1)[0]))
