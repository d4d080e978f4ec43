"""Songs with their fragments as streams: out of one catalogue, into another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from songradar.db.store import COPY_END, COPY_HEADER, copy_rows, copying, refusals

FETCHED = 1000
"""Songs read from PostgreSQL at a time."""

FIELDS = (
    "number", "title", "artist", "album", "collection", "isrc", "mbid", "tags", "edited", "duration_s", "source",
    "host", "sha256", "size_bytes", "modified_at", "n_fragments",
)  # fmt: skip
"""What is told of a song: its number in the file, from 1 on, and columns of `songradar.songs`."""

ROW = np.dtype(
    [
        ("n_fields", ">i2"),
        ("n_number", ">i4"), ("number", ">i4"),
        ("n_position", ">i4"), ("position", ">i4"),
        ("n_embedding", ">i4"), ("dim", ">i2"), ("unused", ">i2"), ("embedding", ">f2", 64),
    ]
)  # fmt: skip
"""A fragment in COPY's binary format: the song's number in the file, position, embedding."""

_CHOSEN = """
    SELECT s.*, e.n_fragments, row_number() OVER (ORDER BY s.id) AS number
      FROM songradar.songs AS s
      JOIN songradar.encodings AS e ON e.song_id = s.id AND e.encoder_id = {encoder}
     WHERE ({artist}::text IS NULL OR lower(s.artist) = lower({artist}))
       AND ({collection}::text IS NULL OR s.collection = {collection})
"""

_SONGS = """
    SELECT number::integer, title, artist, album, collection, isrc, mbid::text, tags, edited, duration_s, source, host,
           encode(sha256, 'hex') AS sha256, size_bytes, modified_at, n_fragments
      FROM ({chosen}) AS chosen
     ORDER BY number
"""

_FRAGMENTS = """
    COPY (SELECT chosen.number::integer, f.position, f.embedding
            FROM ({chosen}) AS chosen
            JOIN songradar.fragments AS f ON f.encoder_id = {encoder} AND f.song_id = chosen.id
           ORDER BY chosen.number, f.position)
      TO STDOUT (FORMAT binary)
"""

_EXTENT = """
    SELECT count(*), coalesce(sum(n_fragments), 0)::bigint,
           (SELECT count(*) FROM songradar.songs AS s
             WHERE ({artist}::text IS NULL OR lower(s.artist) = lower({artist}))
               AND ({collection}::text IS NULL OR s.collection = {collection}))
      FROM ({chosen}) AS chosen
"""

_GIVEN = """
    SELECT g.*, decode(g.sha256_hex, 'hex') AS sha256
      FROM jsonb_to_recordset(%(songs)s)
           AS g (number integer, title text, artist text, album text, collection text, isrc text, mbid uuid, tags jsonb,
                 edited text[], duration_s double precision, source text, host text, sha256_hex text, size_bytes bigint,
                 modified_at timestamptz, n_fragments integer)
"""

# Paths belong to a machine; where none is named, they are mere names, and two songs may have the same.
_CONFLICTS = f"""
    SELECT g.number, min(s.id)
      FROM ({_GIVEN}) AS g
      JOIN songradar.songs AS s ON s.source = g.source AND s.host = g.host
     WHERE g.host <> '' AND NOT EXISTS (SELECT FROM songradar.songs AS k WHERE k.sha256 = g.sha256)
     GROUP BY g.number
"""

_INSERT = f"""
    INSERT INTO songradar.songs
           (title, artist, album, collection, isrc, mbid, tags, edited, duration_s, source, host, sha256, size_bytes,
            modified_at)
    SELECT title, artist, album, collection, isrc, mbid, tags, edited, duration_s, source, host, sha256, size_bytes,
           modified_at
      FROM ({_GIVEN}) AS g
     WHERE g.number <> ALL (%(conflicts)s::integer[])
     ORDER BY g.number
        ON CONFLICT (sha256) DO NOTHING
"""

_ENCODED = f"""
    WITH given AS (
        SELECT min(g.number) AS number, s.id, min(g.n_fragments) AS n_fragments
          FROM ({_GIVEN}) AS g
          JOIN songradar.songs AS s ON s.sha256 = g.sha256
         GROUP BY s.id
    ), claimed AS (
        INSERT INTO songradar.encodings (encoder_id, song_id, n_fragments)
        SELECT %(encoder)s, id, n_fragments FROM given ORDER BY id
            ON CONFLICT DO NOTHING
        RETURNING song_id
    )
    SELECT given.number, given.id FROM given JOIN claimed ON claimed.song_id = given.id
"""


@dataclass(frozen=True)
class Chosen:
    """Which songs are meant: those encoded by an encoder, by an artist and in a collection [any]."""

    encoder_id: int
    artist: str | None = None
    collection: str | None = None

    def query(self, text: str) -> sql.Composed:
        """One of the statements above about these songs."""
        values = {"encoder": self.encoder_id, "artist": self.artist, "collection": self.collection}
        literals = {name: sql.Literal(value) for name, value in values.items()}
        return sql.SQL(text).format(chosen=sql.SQL(_CHOSEN).format(**literals), **literals)


@dataclass(frozen=True)
class Extent:
    """How many songs are meant, how many fragments they have, and how many more the encoder has not encoded."""

    songs: int
    fragments: int
    left_out: int


@dataclass(frozen=True)
class Claimed:
    """Which songs of a file go in: numbers of songs in the catalogue by those in the file.

    `conflicts` are those whose path stands for other bytes here, with the number of that song.
    """

    ids: dict[int, int]
    conflicts: dict[int, int]


def extent(connection: psycopg.Connection, chosen: Chosen) -> Extent:
    row = connection.execute(chosen.query(_EXTENT)).fetchone()
    assert row is not None
    n_songs, n_fragments, n_wanted = row
    return Extent(n_songs, n_fragments, n_wanted - n_songs)


def read_songs(connection: psycopg.Connection, chosen: Chosen) -> Iterator[dict[str, Any]]:
    """The songs with FIELDS, by number. In a transaction, and of one snapshot with `read_fragments`."""
    with connection.cursor("exchanged", row_factory=dict_row) as cursor:
        cursor.itersize = FETCHED
        cursor.execute(chosen.query(_SONGS))
        yield from cursor


def read_fragments(connection: psycopg.Connection, chosen: Chosen) -> Iterator[bytes]:
    """Their fragments, by song and position, as ROWs between COPY_HEADER and COPY_END; in pieces of any size."""
    with connection.cursor().copy(chosen.query(_FRAGMENTS)) as copy:
        yield from map(bytes, copy)


def write_songs(connection: psycopg.Connection, encoder_id: int, songs: Sequence[Mapping[str, Any]]) -> Claimed:
    """Add songs with FIELDS, and claim those that the encoder has not encoded for their fragments.

    Bytes that are known stay one song with what is known of it. Raises SongRefused.
    """
    renamed = [{("sha256_hex" if key == "sha256" else key): value for key, value in song.items()} for song in songs]
    parameters: dict[str, Any] = {"songs": Jsonb(renamed), "encoder": encoder_id}
    with refusals():
        conflicts: dict[int, int] = dict(connection.execute(_CONFLICTS, parameters).fetchall())
        connection.execute(_INSERT, parameters | {"conflicts": list(conflicts)})
        return Claimed(dict(connection.execute(_ENCODED, parameters).fetchall()), conflicts)


def write_fragments(
    connection: psycopg.Connection, encoder_id: int, blocks: Iterator[tuple[NDArray[np.int32], NDArray[np.void]]]
) -> None:
    """Add fragments that come in blocks: numbers of songs in the catalogue (F,), and their ROWs (F,).

    Raises SongRefused.
    """
    with refusals(), copying(connection, encoder_id) as copy:
        copy.write(COPY_HEADER)
        for song_ids, rows in blocks:
            copy.write(copy_rows(encoder_id, song_ids, rows["position"], rows["embedding"]))
        copy.write(COPY_END)
