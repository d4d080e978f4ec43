"""Files that were uploaded: kept in a folder of the server, each in one of its own, under its own name."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from songradar.ml.files import path_of, sha256

HASH_DIGITS = 16
"""Digits of a file's SHA-256 that name its folder."""


class StoredUpload:
    """A file in its place, which stays there only if `keep` is called."""

    def __init__(self, path: Path) -> None:
        self.path, self.kept = path, False

    def keep(self) -> None:
        self.kept = True


@contextmanager
def store_upload(path: Path, folder: Path, name: str) -> Iterator[StoredUpload]:
    """Copy `path` into `folder`, into a place named by its bytes, and remove it again unless it is kept.

    A file that was there before stays. Raises OSError.
    """
    place = folder.absolute() / sha256(path).hex()[:HASH_DIGITS]
    stored = StoredUpload(place / name)
    stored.kept = stored.path.exists()
    place.mkdir(parents=True, exist_ok=True)
    try:
        if stored.kept:
            stored.path.touch()  # its days begin again
        else:
            shutil.copyfile(path, stored.path)
        yield stored
    finally:
        if not stored.kept:
            _remove(stored.path)


def remove_old(folder: Path, days: float) -> None:
    """Remove the files that were uploaded into `folder` that long ago."""
    before_s = time.time() - days * 24 * 3600
    for path in folder.glob("*/*"):
        with suppress(FileNotFoundError):  # somebody else has just removed it
            if path.stat().st_mtime < before_s:
                _remove(path)


def discard(source: str, folder: Path) -> bool:
    """Remove the file that the catalogue knows as `source`, if it is an uploaded one; whether it was."""
    path = path_of(source)
    if path.parent.parent.resolve() != folder.resolve() or not path.is_file():
        return False
    _remove(path)
    return True


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    with suppress(OSError):  # it holds the same bytes under another name
        path.parent.rmdir()
