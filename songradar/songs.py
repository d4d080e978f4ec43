"""The songs of a catalogue: pages of them, one with all that is known of it, its file."""

import mimetypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from songradar.catalogue import Catalogue
from songradar.db import songs as stored
from songradar.db import store
from songradar.db.songs import SORTS, StoredSong, Usage
from songradar.ml.covers import Cover, read_cover
from songradar.ml.files import AudioFile, path_of, stat

__all__ = ["SORTS", "Cover", "SongFile", "StoredSong", "Usage", "cover_of", "file_of", "page", "remove", "show"]


@dataclass(frozen=True)
class SongFile:
    """A song's file on this machine, and its media type, which is one of sound or video, or says nothing."""

    path: Path
    media_type: str


def page(
    catalogue: Catalogue,
    text: str | None = None,
    sort: str = "artist",
    *,
    descending: bool = False,
    limit: int = 50,
    offset: int = 0,
    collection: str | None = None,
) -> tuple[list[StoredSong], int]:
    """Songs with `text` in title, artist, album, path or ISRC [all], of a collection [all], in one of the orders of
    SORTS; and how many.

    Of these, `limit` after the first `offset` are given.
    """
    return stored.page_of_songs(
        catalogue.engine, text, sort, descending=descending, limit=limit, offset=offset, collection=collection
    )


def show(catalogue: Catalogue, song_id: int) -> tuple[StoredSong, Usage]:
    """All that is known of a song, and how often it was found. Raises SongUnknown."""
    return stored.song(catalogue.engine, song_id), stored.usage(catalogue.engine, song_id)


def remove(catalogue: Catalogue, song_ids: Sequence[int]) -> None:
    """Remove songs with their fragments and matches, all or none; the files stay. Raises SongUnknown."""
    with catalogue.connection() as connection:
        store.remove_songs(connection, song_ids)


def file_of(catalogue: Catalogue, song_id: int) -> SongFile | None:
    """The file of a song, if it is on this machine and as it was when it was ingested. Raises SongUnknown."""
    song = stored.song(catalogue.engine, song_id)
    if song.host != catalogue.host:
        return None
    found = stat(path_of(song.source))
    if not isinstance(found, AudioFile) or (found.size, found.modified_at) != (song.size_bytes, song.modified_at):
        return None
    return SongFile(found.path, media_type(found.path))


def cover_of(catalogue: Catalogue, song_id: int, read: Callable[[Path], Cover | None] = read_cover) -> Cover | None:
    """The picture that is `read` of a song's file, where that is on this machine and has one. Raises SongUnknown."""
    found = file_of(catalogue, song_id)
    return read(found.path) if found else None


def media_type(path: Path) -> str:
    """The media type of a file by its name.

    >>> media_type(Path("song.mp3")), media_type(Path("song.html"))
    ('audio/mpeg', 'application/octet-stream')
    """
    guessed = mimetypes.guess_type(path.name)[0] or ""
    return guessed if guessed.startswith(("audio/", "video/")) else "application/octet-stream"
