"""Lines along songs, as a scan would find them."""

import numpy as np

from songradar.timeline import Point, join

HOP_S = 0.3125
HEARD, NOTHING = 0.8, 0.0


def points(song_id, from_s, to_s, song_s=0.0, rate=1.0, log_odds=5.0, every_s=5.0):
    """Answers to windows of ten seconds from one time to another, of a song that is at `song_s` at `from_s`."""
    return [
        Point(at, 10.0, song_id, song_s + rate * (at - from_s), log_odds)
        for at in np.arange(from_s + 5, to_s - 4.9, every_s)
    ]


def line_of(song_id, from_s, to_s, heard=(), rate=1.0, song_s=0.0):
    """A line with its similarities: HEARD in the times `heard`, or all of it."""
    (line,) = join(points(song_id, from_s, to_s, song_s, rate), [])
    times = np.arange(round(from_s / HOP_S), round(to_s / HOP_S)) * HOP_S
    inside = [any(begin <= at < end for begin, end in heard or [(from_s, to_s)]) for at in times]
    line.first, line.similarities = round(from_s / HOP_S), np.where(inside, HEARD, NOTHING).tolist()
    return line
