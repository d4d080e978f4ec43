"""Files that are there whole or not at all, folders for a while, and what processes that were killed have left of both.

Whoever writes holds a lock on an open file. The kernel lets go of it when the process dies, however it dies, so what
can be locked was left by somebody who is gone. The number of a process would not say that: numbers are given anew, and
another container or machine that shares the folder has numbers of its own. Network file systems pass locks on. Windows
has no such locks: there, what was left stays.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

SCRATCH = "songradar-scratch-"
NEW, HELD, FILES = "new", "held", "files"


@contextmanager
def appearing(target: Path) -> Iterator[IO[bytes]]:
    """A file to write to. When the block has ended, it is at `target`, or there is none.

    Raises FileExistsError where `target` is there, also when it has come meanwhile, and other OSErrors.
    """
    refuse_existing(target)
    _clear_away((path for path in target.parent.iterdir() if _is_unfinished(path, target)), Path.unlink)
    with _held(target) as unfinished:
        try:
            yield unfinished
            unfinished.flush()
            os.fsync(unfinished.fileno())  # so that a power cut leaves either a whole file under this name or none
            refuse_existing(target)  # renaming would replace it
            if sys.platform == "win32":
                unfinished.close()  # an open file cannot be renamed there
            Path(unfinished.name).rename(target)
        finally:
            Path(unfinished.name).unlink(missing_ok=True)


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder for the length of a block."""
    with held_folder(SCRATCH, lambda folder: shutil.rmtree(folder, ignore_errors=True)) as folder:
        files = folder / FILES
        files.mkdir()
        yield files


@contextmanager
def held_folder(prefix: str, remove: Callable[[Path], None]) -> Iterator[Path]:
    """A folder of such a name for the length of a block. `remove` ends it, and before it those that were left."""
    _clear_away(Path(tempfile.gettempdir()).glob(f"{prefix}*/{HELD}"), lambda held: remove(held.parent))
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        with (folder / NEW).open("xb") as held:
            # Others look for the name HELD, and would take an unlocked file for what a killed process left.
            if _lock(held):
                (folder / NEW).rename(folder / HELD)
            yield folder
    finally:
        remove(folder)


def refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(f"{target}: is there already")


def _is_unfinished(path: Path, target: Path) -> bool:
    return path.name.startswith(f"{target.name}.") and path.suffix == ".unfinished"


def _held(target: Path) -> IO[bytes]:
    """A new, locked file beside `target`."""
    while True:
        file = target.with_name(f"{target.name}.{os.urandom(4).hex()}.unfinished").open("xb")
        _lock(file)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # another process has cleared it away before it was locked


def _lock(file: IO[bytes]) -> bool:
    """Lock a file, if nobody has; always False where files cannot be locked."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _clear_away(held: Iterable[Path], remove: Callable[[Path], None]) -> None:
    """Remove those of these files that nobody holds."""
    for path in held:
        with suppress(OSError), path.open("r+b") as file:
            if _lock(file):
                remove(path)
