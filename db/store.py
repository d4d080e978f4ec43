"""Write the catalogue: one transaction a song. What is done is a query, never a file beside the database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from sqlalchemy import Engine, Exists, and_, delete, exists, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.orm import Session

from db.errors import SongRefused, SongUnknown
from db.models import Fragment, Song

_COPY = "COPY songradar.fragments (encoder_id, song_id, position, embedding) FROM STDIN (FORMAT binary)"
_FILE_COLUMNS = ("title", "artist", "album", "source", "host", "size_bytes", "modified_at", "tags")


@dataclass(frozen=True)
class KnownFile:
    """Where the catalogue last saw a song's file, and its size and time stamp then."""

    source: str
    host: str
    size_bytes: int
    modified_at: datetime


class Outcome(StrEnum):
    """What became of a file."""

    ADDED = "added"
    PRESENT = "already there"
    MOVED = "moved"
    REPLACED = "replaced"


def unchanged(engine: Engine, encoder_id: int, host: str, files: Mapping[str, tuple[int, datetime]]) -> set[str]:
    """Those of `host`'s `files` (source -> size, modified_at) that are indexed and have not changed since."""
    wanted = [(source, size, modified_at) for source, (size, modified_at) in files.items()]
    with Session(engine) as session:
        return set(
            session.scalars(
                select(Song.source).where(
                    tuple_(Song.source, Song.size_bytes, Song.modified_at).in_(wanted),
                    Song.host == host,
                    _indexed(encoder_id),
                )
            )
        )


def indexed(engine: Engine, encoder_id: int, hashes: Sequence[bytes]) -> dict[bytes, KnownFile]:
    """Those of `hashes` that have fragments of this encoder, and the file each is known by."""
    columns = (getattr(Song, field.name) for field in fields(KnownFile))
    with Session(engine) as session:
        rows = session.execute(select(Song.sha256, *columns).where(Song.sha256.in_(hashes), _indexed(encoder_id)))
        return {row[0]: KnownFile(*row[1:]) for row in rows}


def relocate(engine: Engine, song: Song) -> None:
    """Let the song with these bytes be known by `song`'s path, time stamp and tags. Raises SongRefused."""
    with _refusals(), Session(engine) as session, session.begin():
        session.execute(update(Song).where(Song.sha256 == song.sha256).values(_values(song, _FILE_COLUMNS)))


def add_song(
    engine: Engine, song: Song, encoder_id: int, positions: NDArray[np.int32], embeddings: NDArray[np.float32]
) -> Outcome:
    """Store a song and its fragments, `positions` (F,) and `embeddings` (F, 64), in one transaction.

    Bytes that are known stay one song; it gains the fragments if this encoder has none of it. A file whose bytes
    changed in place, say by an editor of tags, replaces what its path stood for and keeps its number and history;
    the same path on another machine is another file.
    Two processes may add the same song at once: one of them finds it already there. Raises SongRefused.
    """
    with _refusals(), Session(engine) as session, session.begin():
        song_id, outcome = _claim(session, song)
        if session.scalar(select(_has_fragments(encoder_id, song_id))):
            return Outcome.PRESENT
        _copy_fragments(session, encoder_id, song_id, positions, embeddings)
    return outcome


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell values that PostgreSQL does not take, or not at such length, from troubles that concern all songs."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if not isinstance(error, DataError) and state[:2] not in ("23", "54"):  # constraints, limits
            raise
        raise SongRefused(f"the database refuses it: {str(error.orig).splitlines()[0]}") from error
    except UnicodeEncodeError as error:
        raise SongRefused(f"the database refuses it: {error}") from error


def _claim(session: Session, song: Song) -> tuple[int, Outcome]:
    """The number of the song's row, new or known, locked until the transaction ends."""
    known = session.scalars(
        select(Song)
        .where(or_(Song.sha256 == song.sha256, and_(Song.source == song.source, Song.host == song.host)))
        .order_by((Song.sha256 == song.sha256).desc(), Song.id.desc())
        .with_for_update()
    ).first()
    if known is not None and known.sha256 != song.sha256:
        for column, value in _values(song, (*_FILE_COLUMNS, "sha256", "duration_s")).items():
            setattr(known, column, value)
        session.execute(delete(Fragment).where(Fragment.song_id == known.id))
        return known.id, Outcome.REPLACED
    if known is not None:
        return known.id, Outcome.ADDED
    values = _values(song, (*_FILE_COLUMNS, "sha256", "duration_s", "collection"))
    added = session.scalar(insert(Song).values(values).on_conflict_do_nothing().returning(Song.id))
    if added is not None:
        return added, Outcome.ADDED
    # Another process has just committed the same bytes.
    known_id = session.scalar(select(Song.id).where(Song.sha256 == song.sha256).with_for_update())
    assert known_id is not None
    return known_id, Outcome.ADDED


def _copy_fragments(
    session: Session, encoder_id: int, song_id: int, positions: NDArray[np.int32], embeddings: NDArray[np.float32]
) -> None:
    driver = session.connection().connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(["int4", "int4", "int4", "halfvec"])
        for position, embedding in zip(positions.tolist(), embeddings, strict=True):
            copy.write_row([encoder_id, song_id, position, HalfVector(embedding)])


def unencoded(engine: Engine, encoder_id: int) -> Sequence[KnownFile]:
    """The files of the songs of which this encoder has no fragments, in the order they came in."""
    columns = (getattr(Song, field.name) for field in fields(KnownFile))
    with Session(engine) as session:
        rows = session.execute(select(*columns).where(~_indexed(encoder_id)).order_by(Song.id))
        return [KnownFile(*row) for row in rows]


def songs(engine: Engine, text: str | None = None) -> Sequence[Song]:
    """All songs, or those with `text` in title, artist, album or path; by artist and title."""
    statement = select(Song).order_by(Song.artist, Song.title, Song.id)
    if text:
        columns = (Song.title, Song.artist, Song.album, Song.source)
        statement = statement.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    with Session(engine) as session:
        return session.scalars(statement).all()


def song(engine: Engine, song_id: int) -> Song:
    """One song. Raises SongUnknown."""
    with Session(engine) as session:
        found = session.get(Song, song_id)
    if found is None:
        raise SongUnknown(f"there is no song number {song_id}")
    return found


def remove_song(engine: Engine, song_id: int) -> None:
    """Remove a song with its fragments and matches. Raises SongUnknown."""
    with Session(engine) as session, session.begin():
        if session.scalar(delete(Song).where(Song.id == song_id).returning(Song.id)) is None:
            raise SongUnknown(f"there is no song number {song_id}")


def _values(song: Song, columns: Sequence[str]) -> dict[str, object]:
    return {column: getattr(song, column) for column in columns}


def _indexed(encoder_id: int) -> Exists:
    return exists().where(Fragment.encoder_id == encoder_id, Fragment.song_id == Song.id)


def _has_fragments(encoder_id: int, song_id: int) -> Exists:
    return exists().where(Fragment.encoder_id == encoder_id, Fragment.song_id == song_id)
