"""Queries and their answers, for tests of what is made of them."""

from dataclasses import dataclass

import numpy as np

from songradar.ml.outcomes import SearchResult
from songradar.ml.queries import Query

SILENCE = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Match:
    """The least that is read of a match."""

    source: str
    accepted: bool = False
    offset_s: float = 0
    score: float = 0
    coverage: float = 0
    lead: float = 0
    peak: float = 0
    n_fragments: int = 1
    confidence: float = 0
    same_recording: bool = False


def query(condition="clean", seconds=5.0, source="a", offset_s=0.0, song=SILENCE):
    return Query(condition, seconds, source, offset_s, np.ones(3, np.float32), song)


def answer(*matches, encode_ms=1.0, search_ms=1.0):
    return SearchResult(matches, encode_ms, search_ms)
