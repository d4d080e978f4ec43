"""Identify a recording: one statement through `songradar.match_v1`. Needs psycopg alone, so that it starts quickly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db.errors import EncoderUnknown, SearchNotKept, SongUnknown

_ENCODER = """
    SELECT id, name, spec, onnx
      FROM songradar.encoders
     WHERE CASE WHEN %s::text IS NULL THEN active ELSE name = %s END
"""

_ARGUMENTS = "(%s, %s, %s::real[], %s, exact => %s, songs => %s::integer[])"

_MATCHES = f"""
    SELECT m.rank, m.song_id, s.title, s.artist, s.source, m.offset_s, m.score, m.coverage,
           m.margin, m.n_fragments, m.confidence, m.accepted
      FROM songradar.match_v1{_ARGUMENTS} AS m
      JOIN songradar.songs AS s ON s.id = m.song_id
     ORDER BY m.rank
"""

_SONGS = """
    SELECT id
      FROM songradar.songs
     WHERE (%s::text IS NULL OR lower(artist) = lower(%s)) AND (%s::text IS NULL OR collection = %s)
"""

_EXPLAIN = f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) SELECT * FROM songradar.match_inline{_ARGUMENTS}"

_SETTINGS = """
    SELECT set_config(split_part(s.setting, '=', 1), split_part(s.setting, '=', 2), true)
      FROM pg_proc AS p
     CROSS JOIN unnest(p.proconfig) AS s (setting)
     WHERE p.pronamespace = 'songradar'::regnamespace AND p.proname = 'match_v1'
"""

_REACH = "SELECT songradar.set_reach(%s, %s::integer[])"

_MAY_KEEP = """
    SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean,
           has_table_privilege('songradar.searches', 'INSERT')
"""

_SAVE = """
    WITH search AS (
        INSERT INTO songradar.searches (query, duration_s, encoder_id, timings_ms) VALUES (%s, %s, %s, %s) RETURNING id
    ), found AS (
        INSERT INTO songradar.matches (search_id, rank, song_id, offset_s, score, coverage, confidence, accepted)
        SELECT search.id, m.*
          FROM search
         CROSS JOIN unnest(
               %s::smallint[], %s::integer[], %s::real[], %s::real[], %s::real[], %s::real[], %s::boolean[]
               ) AS m (rank, song_id, offset_s, score, coverage, confidence, accepted)
         WHERE EXISTS (SELECT FROM songradar.songs AS s WHERE s.id = m.song_id FOR KEY SHARE)
    )
    SELECT id FROM search
"""


@dataclass(frozen=True)
class StoredEncoder:
    """An encoder as the database keeps it; `spec` and `onnx` are all one needs to make embeddings."""

    id: int
    name: str
    spec: dict[str, Any]
    onnx: bytes


@dataclass(frozen=True)
class Question:
    """Which songs are most like a recording whose fragments are `embeddings` (F, 64) at `offsets_s` (F,)?

    `limit` songs are wanted; `exact` looks at every stored fragment instead of asking the index; `songs` are the
    numbers of those to look among [all].
    """

    encoder_id: int
    embeddings: NDArray[np.float32]
    offsets_s: NDArray[np.float32]
    limit: int = 5
    exact: bool = False
    songs: Sequence[int] | None = None

    @property
    def arguments(self) -> list[object]:
        """As match_v1 and match_inline take them."""
        query = [HalfVector(embedding) for embedding in self.embeddings]
        songs = None if self.songs is None else list(self.songs)
        return [self.encoder_id, query, self.offsets_s.tolist(), self.limit, self.exact, songs]


@dataclass(frozen=True)
class Match:
    """A song that the recording may be a piece of; the header of `db/sql/match_v1.sql` says what each field means."""

    rank: int
    song_id: int
    title: str
    artist: str | None
    source: str
    offset_s: float
    score: float
    coverage: float
    margin: float | None
    n_fragments: int
    confidence: float
    accepted: bool


def read_encoder(connection: psycopg.Connection, name: str | None = None) -> StoredEncoder:
    """The encoder called `name`, or the active one. Raises EncoderUnknown."""
    with connection.cursor(row_factory=class_row(StoredEncoder)) as cursor:
        cursor.execute(_ENCODER, [name, name])
        found = cursor.fetchone()
    if found is None:
        raise EncoderUnknown(
            f"there is no encoder called {name}: see songradar encoders list"
            if name
            else "no encoder is active: choose one with songradar encoders use NAME"
        )
    return found


def songs_of(connection: psycopg.Connection, artist: str | None, collection: str | None) -> list[int] | None:
    """The numbers of the songs by `artist` in `collection`, None where neither is asked for. Raises SongUnknown."""
    if artist is None and collection is None:
        return None
    found = [number for (number,) in connection.execute(_SONGS, [artist, artist, collection, collection])]
    if not found:
        asked = " ".join([f"by {artist}"] * bool(artist) + [f"in the collection {collection}"] * bool(collection))
        raise SongUnknown(f"the catalogue has no song {asked}")
    return found


def find_matches(connection: psycopg.Connection, question: Question) -> list[Match]:
    """The songs most like the recording, best first."""
    with connection.cursor(row_factory=class_row(Match)) as cursor:
        return cursor.execute(_MATCHES, question.arguments).fetchall()


def explain(connection: psycopg.Connection, question: Question) -> list[str]:
    """PostgreSQL's plan of `find_matches`, line by line, with what each step took."""
    with connection.transaction():
        connection.execute(_SETTINGS)
        connection.execute(_REACH, [question.encoder_id, question.songs])
        return [str(line) for (line,) in connection.execute(_EXPLAIN, question.arguments)]


def why_not_kept(connection: psycopg.Connection) -> str | None:
    """Why this session cannot keep searches, as a standby or a role that only reads cannot; None where it can."""
    row = connection.execute(_MAY_KEEP).fetchone()
    assert row is not None
    is_standby, is_read_only, may_insert = row
    if is_standby:
        return "this server is a standby, so searches are not kept: --no-save says so beforehand"
    if is_read_only:
        return "this session may only read, so searches are not kept: --no-save says so beforehand"
    if not may_insert:
        role = connection.info.user
        return f"{role} may not keep searches here: use --no-save, or songradar db grant {role} --write"
    return None


def save_search(
    connection: psycopg.Connection,
    query: str,
    duration_s: float,
    encoder_id: int,
    timings_ms: Mapping[str, float],
    matches: Sequence[Match],
) -> int:
    """Keep a search and its matches, less those of songs removed meanwhile; returns the number of the search.

    Raises SearchNotKept: no room is left on the disk, say, or the connection is gone.
    """
    columns = ("rank", "song_id", "offset_s", "score", "coverage", "confidence", "accepted")
    arrays = [[getattr(match, column) for match in matches] for column in columns]
    values = [query, duration_s, encoder_id, Jsonb(dict(timings_ms)), *arrays]
    try:
        row = connection.execute(_SAVE, values).fetchone()
    except psycopg.Error as error:
        raise SearchNotKept(f"the search is not kept: {str(error).strip().splitlines()[0]}") from error
    assert row is not None
    return int(row[0])
