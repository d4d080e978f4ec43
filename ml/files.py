"""Which files to listen to, and how to tell whether one has been heard before."""

import errno
import hashlib
import os
import re
import stat as modes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from songradar.ml.errors import AudioReadError

AUDIO_SUFFIXES = frozenset(
    """
    .mp3 .mp2 .m4a .m4b .aac .ogg .oga .opus .flac .wav .aif .aiff .aifc .wma .asf .webm .weba .mka .mkv .mp4 .m4v .mov
    .avi .mpg .mpeg .ts .flv .wmv .3gp .ac3 .amr .ape .wv .caf .au .snd
    """.split()  # noqa: SIM905
)
"""Endings that count as audio, or video with sound, inside a folder; a file named outright is always tried."""


LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""Replaces time stamps that `datetime` cannot represent; damaged file systems and archives contain such stamps."""

PASSING = frozenset(
    {
        errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN,
        errno.ENETUNREACH, errno.ENETRESET, errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED,
    }
)  # fmt: skip
"""What the system says where a file lies on a network that is disturbed: it says nothing about the file."""

_ESCAPE = re.compile(rb"\\x(5c|[89a-f][0-9a-f])")


def text_of(path: Path | str) -> str:
    """A path as text that is valid in databases and JSON: bytes that are not UTF-8 are escaped.

    A backslash that would look like the beginning of such an escape is escaped as well.

    >>> text_of(os.fsdecode(b"caf\\xe9.mp3"))
    'caf\\\\xe9.mp3'
    >>> text_of(r"caf\\xe9.mp3")
    'caf\\\\x5cxe9.mp3'
    """
    literal = _ESCAPE.sub(rb"\\x5cx\1", os.fsencode(path))
    return literal.decode("utf-8", "backslashreplace")


def path_of(source: str) -> Path:
    """The reverse of `text_of`."""
    return Path(os.fsdecode(_ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), source.encode())))


@dataclass(frozen=True)
class AudioFile:
    """A file as it lies on disk; `size` in bytes.

    `known_as` is the name under which the catalogue knows it [its path]. `fetch` brings it to its path, for a file that
    is not there yet, and raises AudioReadError.
    """

    path: Path
    size: int
    modified_at: datetime
    known_as: str | None = None
    fetch: Callable[[], None] | None = None

    @property
    def name(self) -> str:
        """The file's own name, as text like `source`."""
        return text_of(self.path.name)

    @property
    def source(self) -> str:
        """The name under which the catalogue knows the file; what is not UTF-8 is kept escaped."""
        return self.known_as or text_of(self.path)


@dataclass(frozen=True)
class Failure:
    """A path that could not be used, and why. It is a value, not an exception, so that a batch can continue.

    `is_passing` says that another attempt may succeed: it is the network's fault, and not the file's.
    """

    path: str
    reason: str
    is_passing: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def audio_files(paths: Sequence[Path]) -> Iterator[AudioFile | Failure]:
    """The audio files under `paths`, folders recursively and in order of name, each once, as absolute paths.

    A path that cannot be used comes as a Failure in its place.
    """
    seen: set[Path] = set()
    for path in paths:
        for found in _under(path):
            file = found if isinstance(found, Failure) else stat(found)
            if isinstance(file, AudioFile):
                if file.path in seen:
                    continue
                seen.add(file.path)
            yield file


def is_folder(path: Path) -> bool:
    """Whether it is a folder. Where the system refuses to say, as of a name that is too long, it is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _under(path: Path) -> Iterator[Path | Failure]:
    if not is_folder(path):
        yield path
        return
    n_found, refused = 0, list[OSError]()
    for folder, subfolders, names in os.walk(path, onerror=refused.append):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in AUDIO_SUFFIXES and not name.startswith("."):
                n_found += 1
                yield Path(folder, name)
    for error in refused:
        yield Failure(text_of(error.filename), f"may not be read ({error.strerror})")
    if not n_found and not refused:
        yield Failure(text_of(path), "holds no audio files")


def stat(path: Path) -> AudioFile | Failure:
    """What the file system says of `path`."""
    try:
        status = path.stat()
        resolved = path.resolve()
    except FileNotFoundError:
        return Failure(text_of(path), "does not exist")
    except OSError as error:
        return Failure(text_of(path), f"may not be read ({error.strerror})", error.errno in PASSING)
    if not modes.S_ISREG(status.st_mode):
        return Failure(text_of(path), "is not a regular file")
    return AudioFile(resolved, status.st_size, _moment(status.st_mtime))


def _moment(seconds: float) -> datetime:
    try:
        return min(datetime.fromtimestamp(seconds, UTC), LATEST)
    except (ValueError, OverflowError, OSError):
        return LATEST


def sha256(path: Path) -> bytes:
    """SHA-256 of the file's bytes. Raises AudioReadError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except PermissionError as error:
        raise AudioReadError(path, "may not be read (permission denied)") from error
    except OSError as error:
        raise AudioReadError(path, f"cannot be read ({error.strerror})", is_passing=error.errno in PASSING) from error
