"""One playing at a time, for formats that know no overlaps."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from songradar.timeline import Playing

MIN_REST_S = 2.0
"""What is left of a song after another one that began later is told from this length on. Less is the end of a fade."""


@dataclass(frozen=True)
class Stretch:
    """The time in which a playing is the only one that is told."""

    start_s: float
    end_s: float
    playing: Playing


def one_at_a_time(playings: Iterable[Playing]) -> Iterator[Stretch]:
    """Of playings in order of their start, at each moment the one that began last.

    A song that fades into the next ends where the next begins; one with a jingle in its middle goes on after it.
    """
    heard: list[Playing] = []  # what has begun and may not have ended, the latest last
    now_s = 0.0
    for coming in chain(_in_order(playings), [None]):
        until_s = math.inf if coming is None else coming.start_s
        while heard and now_s < until_s:
            end_s = min(heard[-1].end_s, until_s)
            if end_s - now_s >= (MIN_REST_S if now_s > heard[-1].start_s else 0.0) and end_s > now_s:
                yield Stretch(now_s, end_s, heard[-1])
            now_s = max(now_s, end_s)
            if heard[-1].end_s <= now_s:
                heard.pop()
        if coming is not None:
            now_s = coming.start_s
            heard.append(coming)


def _in_order(playings: Iterable[Playing]) -> Iterator[Playing]:
    """Playings that last; of those that begin together, the shortest last."""
    together: list[Playing] = []
    for playing in playings:
        if together and playing.start_s != together[0].start_s:
            yield from sorted(together, key=lambda one: -one.end_s)
            together = []
        if playing.end_s > playing.start_s:
            together.append(playing)
    yield from sorted(together, key=lambda one: -one.end_s)
