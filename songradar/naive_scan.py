"""The simple way to name a long recording: search for a window of it every few seconds, and join equal names.

`songradar scan` has to be better than this; `songradar evaluate scan` compares them.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import numpy as np

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db.search import Match, Question, find_matches
from songradar.ml.audio import Wave, decode, windows
from songradar.ml.errors import NothingToHear
from songradar.timeline import Playing

WINDOW_S, HOP_S = 10.0, 5.0
"""Each window speaks for the HOP_S in its middle."""


def naive_scan(catalogue: Catalogue, path: Path, encoder: LoadedEncoder) -> Iterator[Playing]:
    """What is heard in a recording, in order. Raises AudioReadError."""
    rate_hz = encoder.network.spec.sample_rate_hz
    size, hop = round(WINDOW_S * rate_hz), round(HOP_S * rate_hz)
    answers = (_answer(catalogue, window, encoder) for window in windows(decode(path, rate_hz), size, hop, slack=size))
    yield from joined(answers)


def _answer(catalogue: Catalogue, window: Wave, encoder: LoadedEncoder) -> Match | None:
    try:
        fingerprint = encoder.network.fingerprint_query([window])
    except NothingToHear:
        return None
    with catalogue.connection() as connection:
        matches = find_matches(connection, Question(encoder.id, fingerprint.embeddings, fingerprint.offsets_s, limit=2))
    return matches[0] if matches and matches[0].accepted else None


def joined(answers: Iterable[Match | None]) -> Iterator[Playing]:
    """One playing for windows in a row that name the same song, and one for those in a row that name none."""
    for song_id, group in groupby(enumerate(answers), key=lambda pair: pair[1].song_id if pair[1] else None):
        members = list(group)
        first, last = members[0][0], members[-1][0]
        start_s = HOP_S * first + (WINDOW_S - HOP_S) / 2 if first else 0.0
        end_s = HOP_S * last + (WINDOW_S + HOP_S) / 2
        if song_id is None:
            yield Playing(start_s, end_s)
        else:
            yield _playing({number: match for number, match in members if match is not None}, start_s, end_s)


def _playing(matches: Mapping[int, Match], start_s: float, end_s: float) -> Playing:
    starts_s = HOP_S * np.array(list(matches))
    offsets_s = np.array([match.offset_s for match in matches.values()])
    pace = float(np.median(np.diff(offsets_s)) / HOP_S) if len(matches) > 1 else 1.0
    at_zero_s = float(np.median(offsets_s - pace * starts_s))  # where in the song the recording's start would lie
    best = max(matches.values(), key=lambda match: match.confidence)
    return Playing(
        start_s,
        end_s,
        best.song_id,
        best.title,
        best.artist,
        best.source,
        song_start_s=at_zero_s + pace * start_s,
        song_end_s=at_zero_s + pace * end_s,
        speed=pace,
        confidence=float(np.mean([match.confidence for match in matches.values()])),
        coverage=float(np.mean([match.coverage for match in matches.values()])),
        n_fragments=sum(match.n_fragments for match in matches.values()),
    )
