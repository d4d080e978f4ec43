"""Songs that are the same recording: statements through `songradar.twins_of_v1`, in every database that has songs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.rows import class_row, dict_row

from songradar.db.cluster import everywhere

_SONGS = """
    SELECT e.song_id
      FROM songradar.encodings AS e
     WHERE e.encoder_id = %(encoder)s
       AND (%(artist)s::text IS NULL AND %(collection)s::text IS NULL
            OR e.song_id = ANY (songradar.chosen_songs_v1(NULL, %(artist)s, %(collection)s)))
     ORDER BY e.song_id
"""

# As many fragments are looked up as by twins_v1, which cannot ask other shards.
_STORED = """
    SELECT s.id AS song_id, s.title, s.artist, s.source, s.duration_s, f.positions, f.embeddings,
           greatest(60, cardinality(f.positions) / 4) AS probes
      FROM songradar.songs AS s
     CROSS JOIN LATERAL (
           SELECT array_agg(f.position ORDER BY f.position) AS positions,
                  array_agg(f.embedding ORDER BY f.position)::text AS embeddings
             FROM songradar.fragments AS f
            WHERE f.encoder_id = %(encoder)s AND f.song_id = s.id
           ) AS f
     WHERE s.id = ANY (%(songs)s) AND f.positions IS NOT NULL
     ORDER BY s.id
"""

_PAIRS = """
    SELECT o.id AS other_song_id, o.title AS other_title, o.artist AS other_artist, o.source AS other_source,
           o.duration_s AS other_duration_s, t.shift_s, t.speed, t.start_s, t.end_s, t.overlap_s, t.confidence
      FROM songradar.twins_of_v1(
           %(encoder)s, %(positions)s, %(embeddings)s, %(min_overlap_s)s, %(probes)s, %(song_id)s) AS t
      JOIN songradar.songs AS o ON o.id = t.other_song_id
     WHERE t.confidence >= %(min_confidence)s
     ORDER BY o.id
"""

_OF = """
    SELECT o.id AS song_id, o.title, o.artist, o.source, t.shift_s, t.speed, t.overlap_s, t.confidence
      FROM songradar.twins_of_v1(
           %(encoder)s, %(positions)s, %(embeddings)s, %(min_overlap_s)s, %(probes)s,
           (SELECT s.id FROM songradar.songs AS s
             WHERE s.sha256 = %(sha256)s OR (s.source = %(source)s AND s.host = %(host)s)
             ORDER BY s.id DESC LIMIT 1)) AS t
      JOIN songradar.songs AS o ON o.id = t.other_song_id
     WHERE t.confidence >= %(min_confidence)s
     ORDER BY t.overlap_s DESC, o.id
"""


@dataclass(frozen=True)
class Pair:
    """Two songs with something in common: time in the other = `speed` * time in the song + `shift_s`.

    What they have in common is `start_s` to `end_s` of the song, `overlap_s` long.
    """

    song_id: int
    title: str
    artist: str | None
    source: str
    duration_s: float
    other_song_id: int
    other_title: str
    other_artist: str | None
    other_source: str
    other_duration_s: float
    shift_s: float
    speed: float
    start_s: float
    end_s: float
    overlap_s: float
    confidence: float


@dataclass(frozen=True)
class Twin:
    """A song that is the same recording as one that is asked for; time in the twin = `speed` * time + `shift_s`."""

    song_id: int
    title: str
    artist: str | None
    source: str
    shift_s: float
    speed: float
    overlap_s: float
    confidence: float


def songs_to_compare(
    connection: psycopg.Connection, encoder_id: int, artist: str | None, collection: str | None
) -> list[int]:
    """Numbers, in ascending order, of the songs by `artist` in `collection` [any] that the encoder has encoded."""
    values = {"encoder": encoder_id, "artist": artist, "collection": collection}
    with everywhere(connection) as databases:
        return sorted({number for database in databases for (number,) in database.execute(_SONGS, values)})


def pairs_with(
    connection: psycopg.Connection,
    encoder_id: int,
    songs: Sequence[int],
    min_overlap_s: float,
    min_confidence: float,
) -> list[Pair]:
    """The pairs of one of `songs` and any other song that have `min_overlap_s` in common."""
    values = {"encoder": encoder_id, "min_overlap_s": min_overlap_s, "min_confidence": min_confidence}
    found = []
    with everywhere(connection) as databases:
        for home in databases:
            for song in _rows(home, _STORED, values | {"songs": list(songs)}):
                asked = {name: song.pop(name) for name in ("positions", "embeddings", "probes")}
                for database in databases:
                    found += [Pair(**song, **other) for other in _rows(database, _PAIRS, values | asked | song)]
    return found


def _rows(database: psycopg.Connection, statement: LiteralString, values: Mapping[str, object]) -> list[dict[str, Any]]:
    with database.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()


def twins_of(
    connection: psycopg.Connection,
    encoder_id: int,
    positions: NDArray[np.int32],
    embeddings: NDArray[np.float32],
    *,
    file: tuple[bytes, str, str],
    probes: int,
    min_overlap_s: float,
    min_confidence: float,
) -> list[Twin]:
    """The twins of a song with fragments (F, 64) at `positions` (F,), which `probes` of them are asked for.

    `file` is its SHA-256, path and host: what is known by these is not its own twin.
    """
    sha256, source, host = file
    values = {
        "encoder": encoder_id, "positions": positions.tolist(), "embeddings": [HalfVector(e) for e in embeddings],
        "min_overlap_s": min_overlap_s, "probes": probes, "min_confidence": min_confidence,
        "sha256": sha256, "source": source, "host": host,
    }  # fmt: skip
    found: list[Twin] = []
    with everywhere(connection) as databases:
        for database in databases:
            with database.cursor(row_factory=class_row(Twin)) as cursor:
                found += cursor.execute(_OF, values)
    return sorted(found, key=lambda twin: (-twin.overlap_s, twin.song_id))
