"""What a catalogue answers to windows of a recording that is heard."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db import search
from songradar.db.search import Match, Question
from songradar.recent import Recent
from songradar.timeline import Point

CANDIDATES = 3
"""Answers of a search that are followed."""

DOUBTFUL = -3.0
"""Log odds below which an answer is not worth following."""

LEAST = 3
"""Fragments that a window must have to be searched for."""


class Answers:
    """Searches for windows, two at a time, among the songs by `artist` and in `collection` [all]."""

    def __init__(
        self, catalogue: Catalogue, encoder: LoadedEncoder, artist: str | None, collection: str | None
    ) -> None:
        self._catalogue, self._encoder = catalogue, encoder
        self._artist, self._collection = artist, collection
        self._takes_first_look = catalogue.retrying_search(search.takes_first_look)
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="scan")

    def close(self) -> None:
        """Wait for searches under way, and begin no others."""
        self._pool.shutdown(cancel_futures=True)

    def about(self, windows: Sequence[tuple[float, float]], recent: Recent, *, thorough: bool = False) -> list[Point]:
        """The answers that are worth following, window by window; those of a first look, or of a thorough one."""
        asked = partial(self._about, recent, first_look=self._takes_first_look and not thorough)
        return [point for found in self._pool.map(asked, windows) for point in found]

    def _about(self, recent: Recent, window: tuple[float, float], *, first_look: bool) -> list[Point]:
        numbers, embeddings, offsets_s = recent.within(window)
        if len(numbers) < LEAST:
            return []
        asked = Question(
            self._encoder.id, embeddings, offsets_s, CANDIDATES,
            artist=self._artist, collection=self._collection, first_look=first_look,
        )  # fmt: skip
        matches = self._catalogue.retrying_search(partial(search.find_matches, question=asked))
        points = (point_of(match, window, is_thorough=not first_look) for match in matches)
        return [point for point in points if point.log_odds > DOUBTFUL]


def point_of(match: Match, window: tuple[float, float], *, is_thorough: bool = True) -> Point:
    """An answer about a window, of a thorough look or a first one."""
    begin_s, end_s = window
    half_s = (end_s - begin_s) / 2
    return Point(
        begin_s + half_s, end_s - begin_s, match.song_id, match.offset_s + half_s, log_odds(match), is_thorough
    )


def log_odds(match: Match) -> float:
    """Of the confidence that a match is right."""
    p = min(max(match.confidence, 1e-6), 1 - 1e-6)
    return float(np.log(p / (1 - p)))
