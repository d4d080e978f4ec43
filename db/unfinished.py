"""Files that are there whole or not at all, and what processes that were killed have left of them."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to. When the block has ended, the file is at `target`, or there is none.

    Raises FileExistsError where `target` is there, also when it has come meanwhile, and other OSErrors.
    """
    refuse_existing(target)
    _clear_away(target.parent, rf"{re.escape(target.name)}\.(\d+)\.unfinished")
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())  # so that a power cut leaves either a whole file under this name or none
        refuse_existing(target)  # renaming would replace it
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder for the length of a block."""
    _clear_away(Path(tempfile.gettempdir()), r"songradar-scratch-(\d+)-\w+")
    with tempfile.TemporaryDirectory(prefix=f"songradar-scratch-{os.getpid()}-") as folder:
        yield Path(folder)


def refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(f"{target}: is there already")


def _clear_away(folder: Path, name: str) -> None:
    """Delete what has such a name if the process with the number in it is gone, so that nobody works on it."""
    import psutil  # slow to import

    for path in folder.iterdir() if folder.is_dir() else ():
        found = re.fullmatch(name, path.name)
        if found is None or psutil.pid_exists(int(found[1])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
