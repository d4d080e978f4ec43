"""The songs of a catalogue, for people: list, find, show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, func, or_, select, update

from songradar.db.errors import SongUnknown
from songradar.db.models import EncoderRow, EncodingRow, MatchRow, SearchRow, SongRow

SORTS = {
    "artist": (SongRow.artist, SongRow.title, SongRow.id),
    "title": (SongRow.title, SongRow.artist, SongRow.id),
    "album": (SongRow.album, SongRow.title, SongRow.id),
    "length": (SongRow.duration_s, SongRow.id),
    "added": (SongRow.added_at, SongRow.id),
}
"""Orders of a list, by name."""


BY_HAND = ("title", "artist", "album", "isrc", "mbid")
"""The columns that ingestion reads from files; once edited, they are left alone."""


@dataclass(frozen=True)
class Change:
    """What becomes of a song by hand: new `values` by column, None for none, and of its `tags`, by name.

    Tags that are not named stay, unless these are `all_tags`.
    """

    song_id: int
    values: Mapping[str, str | None] = field(default_factory=dict)
    tags: Mapping[str, str | None] = field(default_factory=dict)
    all_tags: bool = False


@dataclass(frozen=True)
class StoredSong:
    """A song of the catalogue as its table has it; see the comments of `songradar.songs`."""

    id: int
    title: str
    artist: str | None
    album: str | None
    collection: str | None
    duration_s: float
    source: str
    host: str
    sha256: bytes
    size_bytes: int
    modified_at: datetime
    isrc: str | None
    mbid: str | None
    tags: dict[str, str]
    added_at: datetime
    edited: list[str]

    def edited_by(self, change: Change) -> "StoredSong":
        """The song as a change by hand makes it; what is as it was does not count as edited."""
        kept = {} if change.all_tags else self.tags
        tags = {name: value for name, value in (kept | dict(change.tags)).items() if value is not None}
        values: dict[str, Any] = {**change.values, "tags": tags}
        song = replace(self, **values)
        new = {name for name in BY_HAND if getattr(song, name) != getattr(self, name)}
        return replace(song, edited=sorted(new.union(self.edited)))


@dataclass(frozen=True)
class Usage:
    """What a song has been good for: fragments by encoder, how often searches named it, and when last."""

    fragments: dict[str, int]
    times_found: int
    last_found_at: datetime | None


@dataclass(frozen=True)
class Collection:
    """A part of the catalogue, None for the songs that belong to none; how many songs, and how many seconds of them."""

    name: str | None
    songs: int
    duration_s: float


_COLUMNS = [getattr(SongRow, name) for name in StoredSong.__dataclass_fields__]


def songs(
    engine: Engine, text: str | None = None, sort: str = "artist", collection: str | None = None
) -> list[StoredSong]:
    """All songs, or those with `text` in title, artist, album, path or ISRC, in one collection or all.

    They come in one of the orders of SORTS.
    """
    return _read(engine, _about(select(*_COLUMNS), text, collection).order_by(*SORTS[sort]))


def collections(engine: Engine) -> list[Collection]:
    """The collections that songs belong to, by name."""
    statement = (
        select(SongRow.collection, func.count(), func.sum(SongRow.duration_s))
        .group_by(SongRow.collection)
        .order_by(SongRow.collection)
    )
    with engine.connect() as connection:
        return [Collection(*row) for row in connection.execute(statement)]


def page_of_songs(
    engine: Engine,
    text: str | None,
    sort: str,
    *,
    descending: bool,
    limit: int,
    offset: int,
    collection: str | None = None,
) -> tuple[list[StoredSong], int]:
    """`limit` of the same songs after the first `offset`, and how many there are in all."""
    order = [column.desc() if descending else column.asc() for column in SORTS[sort]]
    found = _read(engine, _about(select(*_COLUMNS), text, collection).order_by(*order).limit(limit).offset(offset))
    with engine.connect() as connection:
        total = connection.execute(_about(select(func.count()).select_from(SongRow), text, collection)).scalar_one()
    return found, int(total)


def _about(statement: Select[Any], text: str | None, collection: str | None) -> Select[Any]:
    """Only the songs with `text` in what people know them by, and of that collection."""
    if collection is not None:
        statement = statement.where(SongRow.collection == collection)
    if not text:
        return statement
    columns = (SongRow.title, SongRow.artist, SongRow.album, SongRow.source, SongRow.isrc)
    return statement.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))


def songs_on(engine: Engine, host: str) -> list[StoredSong]:
    """The songs whose files are on the machine called `host`."""
    return _read(engine, select(*_COLUMNS).where(SongRow.host == host).order_by(SongRow.id))


def song(engine: Engine, song_id: int) -> StoredSong:
    """One song. Raises SongUnknown."""
    found = _read(engine, select(*_COLUMNS).where(SongRow.id == song_id))
    if not found:
        raise SongUnknown(f"there is no song number {song_id}")
    return found[0]


def edit_songs(engine: Engine, changes: Sequence[Change]) -> list[StoredSong]:
    """Change songs by hand, all or none; returns those that are now other than they were, as they are now.

    Raises SongUnknown.
    """
    by_id = {change.song_id: change for change in changes}
    statement = select(*_COLUMNS).where(SongRow.id.in_(by_id)).order_by(SongRow.id).with_for_update()
    edited = []
    with engine.begin() as connection:
        found = {row.id: StoredSong(*row) for row in connection.execute(statement)}
        for number, change in by_id.items():
            if number not in found:
                raise SongUnknown(f"there is no song number {number}")
            song = found[number].edited_by(change)
            if song != found[number]:
                values = {name: getattr(song, name) for name in (*BY_HAND, "collection", "tags", "edited")}
                connection.execute(update(SongRow).where(SongRow.id == number).values(values))
                edited.append(song)
    return edited


def usage(engine: Engine, song_id: int) -> Usage:
    """How much of a song is stored, and how often it was found."""
    encoded = (
        select(EncoderRow.name, EncodingRow.n_fragments)
        .join(EncoderRow, EncoderRow.id == EncodingRow.encoder_id)
        .where(EncodingRow.song_id == song_id)
        .order_by(EncoderRow.name)
    )
    found = (
        select(func.count(), func.max(SearchRow.searched_at))
        .select_from(MatchRow)
        .join(SearchRow, SearchRow.id == MatchRow.search_id)
        .where(MatchRow.song_id == song_id, MatchRow.accepted)
    )
    with engine.connect() as connection:
        fragments = {row.name: row.n_fragments for row in connection.execute(encoded)}
        times, last = connection.execute(found).one()
    return Usage(fragments, times, last)


def _read(engine: Engine, statement: Select[Any]) -> list[StoredSong]:
    with engine.connect() as connection:
        rows: Sequence[Any] = connection.execute(statement).all()
    return [StoredSong(*row) for row in rows]
