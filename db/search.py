"""Identify a recording: one statement through `songradar.match_v1`. Needs psycopg alone, so that it starts quickly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from songradar.db.cluster import asking_shards, check_no_cluster
from songradar.db.connection import has_pgvector
from songradar.db.errors import CatalogueEmpty, EncoderUnknown, SearchNotKept, SongUnknown

NO_SONGS = "the catalogue has no songs yet: songradar ingest ~/Music"

_ENCODER = """
    SELECT id, name, spec
      FROM songradar.encoders
     WHERE CASE WHEN %s::text IS NULL THEN active ELSE name = %s END
"""

_ARGUMENTS = """%(encoder_id)s, %(query)b, %(offsets_s)s::real[], %(limit)s, %(exact)s,
           %(songs)s::integer[], %(artist)s::text, %(collection)s::text"""

_MATCHES = """
    SELECT m.rank, m.song_id, s.title, s.artist, s.album, s.isrc, s.mbid::text, s.tags, s.source,
           m.offset_s, m.score, m.coverage, m.lead, m.peak, m.n_fragments, m.confidence, m.accepted, m.same_recording
      FROM songradar.match_v1({arguments}) AS m
      JOIN songradar.songs AS s ON s.id = m.song_id
     ORDER BY m.rank
"""

_TAKES_FIRST_LOOK = """
    SELECT 'first_look' = ANY (proargnames) FROM pg_proc
     WHERE pronamespace = 'songradar'::regnamespace AND proname = 'match_v1'
"""

_MATCHES_OF_SHARDS = """
    SELECT m.rank, m.song_id, m.title, m.artist_of_song AS artist, m.album, m.isrc, m.mbid, m.tags, m.source,
           m.offset_s, m.score, m.coverage, m.lead, m.peak, m.n_fragments, m.confidence, m.accepted, m.same_recording
      FROM songradar.match_songs_v1(%(shards)s::integer[], {arguments}) AS m
     ORDER BY m.rank
"""

_ANY_SONG = """
    SELECT EXISTS (SELECT FROM songradar.songs AS s
                    WHERE (%(artist)s::text IS NULL OR lower(s.artist) = lower(%(artist)s))
                      AND (%(collection)s::text IS NULL OR s.collection = %(collection)s))
"""

_ANY_ENCODING = """
    SELECT EXISTS (SELECT FROM songradar.songs), EXISTS (SELECT FROM songradar.encodings WHERE encoder_id = %s)
"""

_CHOSEN = "SELECT songradar.chosen_songs_v1(%(songs)s::integer[], %(artist)s::text, %(collection)s::text)"

_EXPLAIN = """
    EXPLAIN (ANALYZE, BUFFERS, COSTS OFF)
    SELECT * FROM songradar.match_inline_v1(%(encoder_id)s, %(query)b, %(offsets_s)s::real[], %(limit)s, %(exact)s,
                                            %(chosen)s::integer[], %(thorough)s)
"""

_SETTINGS = """
    SELECT set_config(split_part(s.setting, '=', 1), split_part(s.setting, '=', 2), true)
      FROM pg_proc AS p
     CROSS JOIN unnest(p.proconfig) AS s (setting)
     WHERE p.pronamespace = 'songradar'::regnamespace AND p.proname = 'match_v1'
"""

_REACH = "SELECT songradar.set_reach_v1(%(encoder_id)s, %(chosen)s::integer[], %(thorough)s, %(n_fragments)s)"

_MAY_KEEP = """
    SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean,
           has_table_privilege('songradar.searches', 'INSERT')
"""

_SAVE = """
    WITH kept AS (
        SELECT kept_candidates FROM songradar.settings
         WHERE kept_candidates IN ('all', 'accepted') OR kept_candidates = 'names' AND %(matched)s::boolean
    ), search AS (
        INSERT INTO songradar.searches (query, duration_s, encoder_id, timings_ms)
        SELECT %(query)s::text, %(duration_s)s::double precision, %(encoder_id)s::integer, %(timings_ms)s::jsonb
          FROM kept
        RETURNING id
    ), found AS (
        INSERT INTO songradar.matches (search_id, rank, song_id, offset_s, score, coverage, confidence, accepted)
        SELECT search.id, m.*
          FROM search
         CROSS JOIN kept
         CROSS JOIN unnest(
               %(rank)s::smallint[], %(song_id)s::integer[], %(offset_s)s::real[], %(score)s::real[],
               %(coverage)s::real[], %(confidence)s::real[], %(accepted)s::boolean[]
               ) AS m (rank, song_id, offset_s, score, coverage, confidence, accepted)
         WHERE (kept.kept_candidates = 'all' OR m.accepted) {there}
    )
    SELECT id FROM search
"""

_STILL_THERE = "AND EXISTS (SELECT FROM songradar.songs AS s WHERE s.id = m.song_id FOR KEY SHARE)"


@dataclass(frozen=True)
class StoredEncoder:
    """An encoder as the database keeps it, without its network; `spec` says how to cut audio for it."""

    id: int
    name: str
    spec: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """Which songs are most like a recording whose fragments are `embeddings` (F, 64) at `offsets_s` (F,)?

    `limit` songs are wanted; `exact` looks at every stored fragment instead of asking the index; with `first_look`, the
    first look's answer stands whatever it is. Only songs with the numbers `songs`, by `artist` and in `collection` may
    be the answer [all]. Of a cluster, `shards` are asked [all].
    """

    encoder_id: int
    embeddings: NDArray[np.float32]
    offsets_s: NDArray[np.float32]
    limit: int = 5
    exact: bool = False
    songs: Sequence[int] | None = None
    artist: str | None = None
    collection: str | None = None
    first_look: bool = False
    shards: Sequence[int] | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """As match_v1 takes them."""
        return vars(self) | {
            "query": [HalfVector(embedding) for embedding in self.embeddings],
            "offsets_s": self.offsets_s.tolist(),
            "songs": None if self.songs is None else list(self.songs),
            "shards": None if self.shards is None else list(self.shards),
        }


@dataclass(frozen=True)
class Match:
    """A song that the recording may be a piece of, and its identifiers.

    `db/sql/match_v1/match_v1.sql` says what the numbers mean.
    """

    rank: int
    song_id: int
    title: str
    artist: str | None
    source: str
    offset_s: float
    score: float
    coverage: float
    lead: float
    peak: float
    n_fragments: int
    confidence: float
    accepted: bool
    same_recording: bool
    album: str | None = None
    isrc: str | None = None
    mbid: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


def read_encoder(connection: psycopg.Connection, name: str | None = None) -> StoredEncoder:
    """What is known of the encoder called `name`, or of the active one. Raises EncoderUnknown, CatalogueEmpty."""
    with connection.cursor(row_factory=class_row(StoredEncoder)) as cursor:
        cursor.execute(_ENCODER, [name, name])
        found = cursor.fetchone()
    if found is not None:
        return found
    if not has_encoders(connection):
        raise CatalogueEmpty(NO_SONGS)
    raise EncoderUnknown(
        f"there is no encoder called {name}: see songradar encoders list"
        if name
        else "no encoder is active: choose one with songradar encoders use NAME"
    )


def has_encoders(connection: psycopg.Connection) -> bool:
    """Whether the catalogue has any encoder; it gets the first one with its first songs."""
    return connection.execute("SELECT EXISTS (SELECT FROM songradar.encoders)").fetchone() == (True,)


def read_network(connection: psycopg.Connection, encoder_id: int) -> bytes:
    """The encoder's network, ONNX."""
    row = connection.execute("SELECT onnx FROM songradar.encoders WHERE id = %s", [encoder_id], binary=True).fetchone()
    if row is None:
        raise EncoderUnknown(f"there is no encoder number {encoder_id} any more")
    return bytes(row[0])


def check_choice(connection: psycopg.Connection, artist: str | None, collection: str | None) -> None:
    """Raise SongUnknown where the catalogue has no song by `artist` in `collection`; None stands for any."""
    if artist is None and collection is None:
        return
    if connection.execute(_ANY_SONG, {"artist": artist, "collection": collection}).fetchone() != (True,):
        asked = " ".join([f"by {artist}"] * bool(artist) + [f"in the collection {collection}"] * bool(collection))
        raise SongUnknown(f"the catalogue has no song {asked}")


def check_not_empty(connection: psycopg.Connection, encoder: StoredEncoder) -> None:
    """Raise CatalogueEmpty where `encoder` has encoded no song."""
    row = connection.execute(_ANY_ENCODING, [encoder.id]).fetchone()
    assert row is not None
    has_songs, has_encodings = row
    if not has_songs:
        raise CatalogueEmpty(NO_SONGS)
    if not has_encodings:
        raise CatalogueEmpty(
            f"encoder {encoder.name} has encoded no songs yet: songradar encoders reencode {encoder.name}"
        )


def find_matches(connection: psycopg.Connection, question: Question) -> list[Match]:
    """The songs most like the recording, best first. Raises ShardDown where one of a cluster does not answer."""
    arguments = _ARGUMENTS + (", first_look => true" if question.first_look else "")
    with connection.cursor(row_factory=class_row(Match)) as cursor:
        if has_pgvector(connection):
            return cursor.execute(_MATCHES.format(arguments=arguments), question.parameters).fetchall()
        with asking_shards(connection):
            return cursor.execute(_MATCHES_OF_SHARDS.format(arguments=arguments), question.parameters).fetchall()


def takes_first_look(connection: psycopg.Connection) -> bool:
    """Whether the schema lets a question ask for the first look alone; those before revision 20261129_looks do not."""
    return connection.execute(_TAKES_FIRST_LOOK).fetchone() == (True,)


def explain(connection: psycopg.Connection, question: Question) -> list[str]:
    """PostgreSQL's plans of `find_matches`, line by line, with what each step took.

    Both looks are explained, whether or not the first one's answer would have stood; exact search has only one.
    """
    check_no_cluster(connection, "to explain a search of")
    lines = []
    with connection.transaction():
        connection.execute(_SETTINGS)
        chosen = connection.execute(_CHOSEN, question.parameters).fetchone()
        assert chosen is not None
        for thorough in (True,) if question.exact else (False, True):
            look = {"chosen": chosen[0], "thorough": thorough, "n_fragments": len(question.embeddings)}
            parameters = question.parameters | look
            connection.execute(_REACH, parameters)
            lines.append("thorough look:" if thorough else "first look:")
            lines += [str(line) for (line,) in connection.execute(_EXPLAIN, parameters)]
    return lines


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
) -> int | None:
    """Keep a search and its matches, less those of songs removed meanwhile; returns the number of the search.

    What is kept is a setting of the catalogue (`set_kept`); None where that is nothing.
    Raises SearchNotKept: no room is left on the disk, say, or the connection is gone.
    """
    columns = ("rank", "song_id", "offset_s", "score", "coverage", "confidence", "accepted")
    values = {column: [getattr(match, column) for match in matches] for column in columns} | {
        "query": query,
        "duration_s": duration_s,
        "encoder_id": encoder_id,
        "timings_ms": Jsonb(dict(timings_ms)),
        "matched": any(match.accepted for match in matches),
    }
    try:
        # The songs of a cluster are elsewhere, and perhaps out of reach.
        there = _STILL_THERE if has_pgvector(connection) else ""
        row = connection.execute(_SAVE.replace("{there}", there), values).fetchone()
    except psycopg.Error as error:
        raise SearchNotKept(f"the search is not kept: {str(error).strip().splitlines()[0]}") from error
    return int(row[0]) if row is not None else None


def set_kept(connection: psycopg.Connection, which: str, kept_for: timedelta | None = None) -> None:
    """From now on keep "all" candidates of searches, the "accepted" one, of that the "names" alone, or "none".

    With "names", the recording's path is not kept, nor a search that named nothing; with "none", not even that somebody
    searched. Searches are removed after `kept_for` [never], older ones when the next is kept.
    """
    connection.execute("UPDATE songradar.settings SET kept_candidates = %s, kept_for = %s", [which, kept_for])


def prune_searches(connection: psycopg.Connection, older_than: timedelta) -> int:
    """Remove searches that are older, with their matches; returns how many."""
    return connection.execute("DELETE FROM songradar.searches WHERE searched_at < now() - %s", [older_than]).rowcount
