"""Songs that were uploaded: files in a folder of the server, under their own names."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from songradar.ml.files import sha256

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
    """Copy `path` into a folder of its own in `folder`, called by its bytes, and remove it again unless it is kept.

    A file that was there before stays. Raises OSError.
    """
    place = folder / sha256(path).hex()[:HASH_DIGITS]
    stored = StoredUpload(place / name)
    stored.kept = stored.path.exists()
    place.mkdir(parents=True, exist_ok=True)
    try:
        if not stored.kept:
            shutil.copyfile(path, stored.path)
        yield stored
    finally:
        if not stored.kept:
            stored.path.unlink(missing_ok=True)
            with suppress(OSError):  # it holds another name of the same bytes
                place.rmdir()
