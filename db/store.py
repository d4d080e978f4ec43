"""Write songs and their fragments, one transaction a song. The database alone records which files are done."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql
from psycopg.rows import class_row

from songradar.db.announcements import announce_song
from songradar.db.cluster import everywhere
from songradar.db.errors import SongRefused, SongUnknown
from songradar.db.moving import home_of

_UNCHANGED = """
    SELECT s.source
      FROM unnest(%(sources)s::text[], %(sizes)s::bigint[], %(times)s::timestamptz[]) AS f (source, size, modified_at)
      JOIN songradar.songs AS s
        ON s.source = f.source AND s.host = %(host)s AND s.size_bytes = f.size AND s.modified_at = f.modified_at
     WHERE EXISTS (SELECT FROM songradar.encodings AS e WHERE e.song_id = s.id AND e.encoder_id = %(encoder)s)
"""

_INDEXED = """
    SELECT s.sha256, s.source, s.host, s.size_bytes, s.modified_at
      FROM songradar.songs AS s
     WHERE s.sha256 = ANY (%s::bytea[])
       AND EXISTS (SELECT FROM songradar.encodings AS e WHERE e.song_id = s.id AND e.encoder_id = %s)
"""

_UNENCODED = """
    SELECT s.source, s.host, s.size_bytes, s.modified_at
      FROM songradar.songs AS s
     WHERE NOT EXISTS (SELECT FROM songradar.encodings AS e WHERE e.song_id = s.id AND e.encoder_id = %s)
     ORDER BY s.id
"""

# What was set by hand stays; the file's tags say the rest.
_NAMES = ", ".join(
    f"{column} = CASE WHEN '{column}' = ANY (edited) THEN {column} ELSE %({column})s::{type_} END"
    for column, type_ in {"title": "text", "artist": "text", "album": "text", "isrc": "text", "mbid": "uuid"}.items()
)

_RELOCATE = f"""
    UPDATE songradar.songs
       SET {_NAMES},
           source = %(source)s, host = %(host)s, size_bytes = %(size_bytes)s, modified_at = %(modified_at)s
     WHERE id = %(id)s
"""

# Rows are locked in the order of their numbers, so that two processes with the same songs never deadlock.
_KNOWN = """
    SELECT id, sha256, source, host
      FROM songradar.songs
     WHERE sha256 = %(sha256)s OR (source = %(source)s AND host = %(host)s)
     ORDER BY id
       FOR NO KEY UPDATE
"""

_INSERT = """
    INSERT INTO songradar.songs
           (title, artist, album, collection, duration_s, source, host, sha256, size_bytes, modified_at, isrc, mbid)
    VALUES (%(title)s, %(artist)s, %(album)s, %(collection)s, %(duration_s)s, %(source)s, %(host)s, %(sha256)s,
            %(size_bytes)s, %(modified_at)s, %(isrc)s, %(mbid)s)
        ON CONFLICT DO NOTHING
    RETURNING id
"""

_EXCHANGE = "UPDATE songradar.songs SET source = %s, host = %s WHERE id = %s"

_FORGET = "DELETE FROM songradar.songs WHERE id = %s AND source = %s AND host = %s"

_REPLACE = f"""
    UPDATE songradar.songs
       SET {_NAMES},
           duration_s = %(duration_s)s, sha256 = %(sha256)s, size_bytes = %(size_bytes)s, modified_at = %(modified_at)s
     WHERE id = %(id)s
"""

_COPY = "COPY songradar.{} (encoder_id, song_id, position, embedding) FROM STDIN (FORMAT binary)"

_ROW = np.dtype(
    [
        ("n_fields", ">i2"),
        *[field for name in ("encoder_id", "song_id", "position") for field in ((f"n_{name}", ">i4"), (name, ">i4"))],
        ("n_embedding", ">i4"),
        ("dim", ">i2"),
        ("unused", ">i2"),
    ]
)
"""A row of COPY's binary format up to the embedding. Each field follows its length in bytes; a halfvec has a header."""

NOWHERE = ""
"""The host of a song that came from another catalogue without its path: its file is on no machine that one knows."""

COPY_HEADER, COPY_END = b"PGCOPY\n\xff\r\n\x00" + bytes(8), b"\xff\xff"

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class KnownFile:
    """Where the catalogue last saw a song's file, and its size and time stamp then."""

    source: str
    host: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class NewSong(KnownFile):
    """What the catalogue keeps of a file; `collection` counts only when the song is new."""

    sha256: bytes
    title: str
    artist: str | None
    album: str | None
    isrc: str | None = None
    mbid: str | None = None
    duration_s: float | None = None
    collection: str | None = None


class Change(StrEnum):
    """What storing a file did to the catalogue."""

    ADDED = "added"
    PRESENT = "already there"
    MOVED = "moved"
    REPLACED = "replaced"


def unchanged(
    connection: psycopg.Connection, encoder_id: int, host: str, files: Mapping[str, tuple[int, datetime]]
) -> set[str]:
    """Those of `host`'s `files` (source -> size, modified_at) that are encoded and have not changed since."""
    sizes, times = zip(*files.values(), strict=True) if files else ((), ())
    parameters = {
        "sources": list(files), "sizes": list(sizes), "times": list(times), "host": host, "encoder": encoder_id,
    }  # fmt: skip
    with everywhere(connection) as databases:
        return {source for database in databases for (source,) in database.execute(_UNCHANGED, parameters)}


def indexed(connection: psycopg.Connection, encoder_id: int, hashes: Sequence[bytes]) -> dict[bytes, KnownFile]:
    """Those of `hashes` that this encoder has encoded, and the file each is known by."""
    with everywhere(connection) as databases:
        rows = [row for database in databases for row in database.execute(_INDEXED, [list(hashes), encoder_id])]
    return {row[0]: KnownFile(*row[1:]) for row in rows}


def unencoded(connection: psycopg.Connection, encoder_id: int) -> list[KnownFile]:
    """The files of the songs that this encoder has not encoded, in the order in which they came."""
    found: list[KnownFile] = []
    with everywhere(connection) as databases:
        for database in databases:
            with database.cursor(row_factory=class_row(KnownFile)) as cursor:
                found += cursor.execute(_UNENCODED, [encoder_id])
    return found


def count_unencoded(connection: psycopg.Connection, encoder_id: int) -> int:
    """How many songs this encoder has not encoded."""
    statement = f"SELECT count(*) FROM ({_UNENCODED}) AS u"
    with everywhere(connection) as databases:
        return sum(n for database in databases for (n,) in database.execute(statement, [encoder_id]))


def relocate(connection: psycopg.Connection, song: NewSong) -> None:
    """Let the song with these bytes be known by `song`'s path, time stamp and tags. Raises SongRefused.

    A song that was known by this path lost its file, or has changed places with this one: it gets the path that this
    one had, so that no two songs claim a file.
    """

    def move(databases: Sequence[psycopg.Connection]) -> list[tuple[psycopg.Connection, int]]:
        with ExitStack() as transactions:
            for database in databases:
                transactions.enter_context(database.transaction())
            known = [(database, *row) for database in databases for row in database.execute(_KNOWN, vars(song))]
            left = next((place for _, _, sha256, *place in known if sha256 == song.sha256), None)
            for database, song_id, sha256, *_ in known:
                if sha256 == song.sha256:
                    database.execute(_RELOCATE, vars(song) | {"id": song_id})
                elif left:
                    database.execute(_EXCHANGE, [*left, song_id])
        return [(database, song_id) for database, song_id, *_ in known]

    with refusals(), everywhere(connection) as databases:
        for database, song_id in _again_after_deadlock(lambda: move(databases)):
            if database is not connection:
                announce_song(connection, song_id, "changed")


def add_song(
    connection: psycopg.Connection,
    song: NewSong,
    encoder_id: int,
    positions: NDArray[np.int32],
    embeddings: NDArray[np.float32],
) -> Change:
    """Store a song and its fragments, `positions` (F,) and `embeddings` (F, 64), in one transaction.

    Bytes that are known stay one song; it gains the fragments if this encoder has none of it. A file whose bytes
    changed in place, say by an editor of tags, replaces what its path stood for and keeps its number and history;
    the same path on another machine is another file.
    Two processes may add the same song at once: one of them finds it already there. Raises SongRefused.
    """

    def store(home: psycopg.Connection) -> tuple[int, Change]:
        with home.transaction():
            song_id, change = _claim(home, song)
            claimed = home.execute(
                "INSERT INTO songradar.encodings (encoder_id, song_id, n_fragments) VALUES (%s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                [encoder_id, song_id, len(positions)],
            )
            if not claimed.rowcount:
                return song_id, Change.PRESENT
            with copying(home, encoder_id) as copy:
                copy.write(COPY_HEADER + copy_rows(encoder_id, song_id, positions, embeddings) + COPY_END)
        return song_id, change

    with refusals(), home_of(connection, song.sha256, song.source, song.host) as home:
        song_id, change = _again_after_deadlock(lambda: store(home))
        if home is not connection and change != Change.PRESENT:  # nobody listens to the shards, whose triggers tell it
            announce_song(connection, song_id, "added" if change == Change.ADDED else "changed")
        return change


def remove_songs(connection: psycopg.Connection, song_ids: Sequence[int]) -> None:
    """Remove songs with their fragments and matches, all or none. Raises SongUnknown."""
    with connection.transaction():
        rows = connection.execute("DELETE FROM songradar.songs WHERE id = ANY (%s) RETURNING id", [list(song_ids)])
        gone = {number for (number,) in rows}
        for number in song_ids:
            if number not in gone:
                raise SongUnknown(f"there is no song number {number}")


def forget_file(connection: psycopg.Connection, song_id: int, source: str, host: str) -> bool:
    """Remove a song, if it is still known by this file; whether it was."""
    return connection.execute(_FORGET, [song_id, source, host]).rowcount > 0


@contextmanager
def refusals() -> Iterator[None]:
    """Raise SongRefused for values that PostgreSQL rejects; let errors that concern all songs pass."""
    try:
        yield
    except psycopg.Error as error:
        constraint_or_limit = (error.sqlstate or "")[:2] in ("23", "54")
        if not (isinstance(error, psycopg.DataError) or constraint_or_limit):
            raise
        raise SongRefused(f"the database refuses it: {str(error).splitlines()[0]}") from error
    except UnicodeEncodeError as error:
        raise SongRefused(f"the database refuses it: {error}") from error


def _again_after_deadlock(act: Callable[[], _Result]) -> _Result:
    """Call `act`, and once more if PostgreSQL ended its transaction by a deadlock or a serialization failure."""
    try:
        return act()
    except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
        return act()


def _claim(connection: psycopg.Connection, song: NewSong) -> tuple[int, Change]:
    """The number of the song's row, new or known, locked until the transaction ends."""
    known = connection.execute(_KNOWN, vars(song)).fetchall()
    for song_id, sha256, *_ in known:
        if sha256 == song.sha256:
            return song_id, Change.ADDED
    if known:
        song_id = known[-1][0]
        connection.execute(_REPLACE, vars(song) | {"id": song_id})
        connection.execute("DELETE FROM songradar.fragments WHERE song_id = %s", [song_id])
        connection.execute("DELETE FROM songradar.encodings WHERE song_id = %s", [song_id])
        return song_id, Change.REPLACED
    added = connection.execute(_INSERT, vars(song)).fetchone()
    if added is not None:
        return added[0], Change.ADDED
    # Another process has just committed the same bytes.
    known = connection.execute(_KNOWN, vars(song)).fetchall()
    return next(song_id for song_id, sha256, *_ in known if sha256 == song.sha256), Change.ADDED


def copying(connection: psycopg.Connection, encoder_id: int) -> AbstractContextManager[psycopg.Copy]:
    """A COPY into the encoder's fragments. It names their partition: COPY fills no table that has policies."""
    return connection.cursor().copy(sql.SQL(_COPY).format(sql.Identifier(f"fragments_{encoder_id}")))


def copy_rows(
    encoder_id: int,
    song_ids: int | NDArray[np.int32],
    positions: NDArray[np.int32],
    embeddings: NDArray[np.floating[Any]],
) -> bytes:
    """Fragments of one song, or of `song_ids` (F,), as COPY takes them in its binary format between header and end.

    `positions` (F,), `embeddings` (F, 64). All are made at once.

    https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
    """
    n, dim = embeddings.shape
    rows = np.zeros(n, np.dtype([*((name, _ROW[name]) for name in _ROW.names or ()), ("embedding", ">f2", dim)]))
    rows["n_fields"] = 4
    for name, values in (("encoder_id", encoder_id), ("song_id", song_ids), ("position", positions)):
        rows[f"n_{name}"], rows[name] = 4, values
    rows["n_embedding"], rows["dim"], rows["embedding"] = 4 + 2 * dim, dim, embeddings
    return rows.tobytes()
