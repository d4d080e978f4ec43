"""Songs whose files are gone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from songradar.catalogue import Catalogue
from songradar.ml.files import path_of

if TYPE_CHECKING:
    from songradar.db.songs import StoredSong


def missing_songs(catalogue: Catalogue, below: Sequence[Path] | None = None) -> "list[StoredSong]":
    """The songs of this machine whose files are gone that were below these paths [anywhere]."""
    from songradar.db.songs import songs_on  # SQLAlchemy

    roots = None if below is None else [path.resolve() for path in below]

    def is_missing(path: Path) -> bool:
        return (roots is None or any(path.is_relative_to(root) for root in roots)) and _is_gone(path)

    return [song for song in songs_on(catalogue.engine, catalogue.host) if is_missing(path_of(song.source))]


def _is_gone(path: Path) -> bool:
    """Whether nothing is there. Where the system cannot say, as of a disk that fails, something may be."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
