"""Files that were uploaded: kept in a folder of the server, each in one of its own, under its own name."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from songradar.ml.files import path_of, sha256
from songradar.unfinished import appearing

HASH_DIGITS = 16
"""Digits of a file's SHA-256 that name its folder."""


@dataclass
class StoredUpload:
    """A file in its place, where it stays only if `keep` is called by one of the uploads that brought it."""

    path: Path
    kept: bool
    uploads: int = 0
    copying: Lock = field(default_factory=Lock)

    def keep(self) -> None:
        self.kept = True


_in_use: dict[Path, StoredUpload] = {}
_use = Lock()


@contextmanager
def store_upload(path: Path, folder: Path, name: str) -> Iterator[StoredUpload]:
    """Copy `path` into `folder`, into a place named by its bytes, and remove it again unless it is kept.

    A file that was there before stays. Of uploads of the same file at the same time, the last removes it if none has
    kept it. Raises OSError.
    """
    target = folder.absolute() / sha256(path).hex()[:HASH_DIGITS] / name
    with _use:
        stored = _in_use.setdefault(target, StoredUpload(target, kept=target.exists()))
        stored.uploads += 1
    try:
        with stored.copying:
            if target.exists():
                target.touch()  # its days begin again
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                with appearing(target) as copy, path.open("rb") as file:
                    shutil.copyfileobj(file, copy)
        yield stored
    finally:
        with _use:
            stored.uploads -= 1
            if not stored.uploads:
                del _in_use[target]
                if not stored.kept:
                    _remove(target)


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
