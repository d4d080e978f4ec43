"""Which songs of a catalogue are the same recording: whole, or one inside the other."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from songradar.catalogue import Catalogue
from songradar.db import search, twins
from songradar.db.connection import POOL_SIZE
from songradar.db.twins import Pair
from songradar.events import Listener, Step, ignore
from songradar.ml.extraction import usable_cores
from songradar.twins import LEAST_CONFIDENCE, MIN_OVERLAP_S, WHOLE, check_has_twins

BATCH = 20
"""Songs that one statement looks at: some seconds of work."""

Relation: TypeAlias = Literal["same", "inside", "contains", "part"]
"""How the first song of a pair lies to the second: both whole, all inside it, around all of it, or a part of each."""


@dataclass(frozen=True)
class DuplicateOptions:
    """What to look for: pairs of songs with `min_overlap_s` in common, of which one is by `artist` and in `collection`
    [any], by the fragments of `encoder` [the active one].
    """

    encoder: str | None = None
    artist: str | None = None
    collection: str | None = None
    min_overlap_s: float = MIN_OVERLAP_S


def duplicates(
    catalogue: Catalogue, options: DuplicateOptions = DuplicateOptions(), listen: Listener = ignore
) -> Iterator[Pair]:
    """Pairs of songs that are the same recording, each once, that of the smaller number first; in no certain order.

    Raises CatalogueEmpty, EncoderUnknown, EncoderHasNoTwins, SongUnknown.
    """
    encoder = catalogue.encoder(options.encoder)
    check_has_twins(encoder)
    with catalogue.connection() as connection:
        search.check_not_empty(connection, encoder.stored)
        search.check_choice(connection, options.artist, options.collection)
        songs = twins.songs_to_compare(connection, encoder.id, options.artist, options.collection)

    def compare(some: list[int]) -> list[Pair]:
        with catalogue.connection() as connection:
            return twins.pairs_with(connection, encoder.id, some, options.min_overlap_s, LEAST_CONFIDENCE)

    told: set[tuple[int, int]] = set()
    batches = [songs[start : start + BATCH] for start in range(0, len(songs), BATCH)]
    executor = ThreadPoolExecutor(min(usable_cores(), POOL_SIZE // 2))  # searches need connections, too
    try:
        for number, found in enumerate(executor.map(compare, batches), start=1):
            for pair in map(smaller_first, found):
                if (pair.song_id, pair.other_song_id) not in told:
                    told.add((pair.song_id, pair.other_song_id))
                    yield pair
            listen(Step("comparing", min(number * BATCH, len(songs)), len(songs)))
    finally:
        executor.shutdown(cancel_futures=True)


def smaller_first(pair: Pair) -> Pair:
    """The same pair, seen from the song with the smaller number."""
    if pair.song_id < pair.other_song_id:
        return pair
    start_s, end_s = (pair.speed * s + pair.shift_s for s in (pair.start_s, pair.end_s))
    return replace(
        pair,
        song_id=pair.other_song_id,
        title=pair.other_title,
        artist=pair.other_artist,
        source=pair.other_source,
        duration_s=pair.other_duration_s,
        other_song_id=pair.song_id,
        other_title=pair.title,
        other_artist=pair.artist,
        other_source=pair.source,
        other_duration_s=pair.duration_s,
        shift_s=-pair.shift_s / pair.speed,
        speed=1 / pair.speed,
        start_s=start_s,
        end_s=end_s,
        overlap_s=end_s - start_s,
    )


def relation(pair: Pair) -> Relation:
    """How the first song lies to the second."""
    whole = pair.overlap_s >= WHOLE * pair.duration_s
    other_whole = pair.speed * pair.overlap_s >= WHOLE * pair.other_duration_s
    if whole:
        return "same" if other_whole else "inside"
    return "contains" if other_whole else "part"
