"""Songs that lie on the web or in a bucket: told and fetched by fsspec (`songradar[remote]`)."""

import posixpath
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from songradar.ml.errors import AudioReadError
from songradar.ml.files import AUDIO_SUFFIXES, AudioFile, Failure, text_of

SCHEMES = ("http", "https", "s3")
"""Of the addresses that the farm takes; others would let whoever may enqueue read anything on a worker's machine."""

LONGEST = 4 << 30
"""Bytes of the largest song that is fetched."""

TOO_LARGE = f"is larger than {LONGEST >> 30} GiB"

ANSWER_S, ENDLESS_S = 60.0, 600.0
"""How long a server on the web may be silent, and how long may come what does not say its length."""

TOO_BUSY = (408, 425, 429)
"""Answers of servers on the web that blame the asker and are passing all the same."""


def is_remote(source: str) -> bool:
    """Whether it is an address, and not a path.

    >>> is_remote("s3://archive/1959/"), is_remote("/srv/music")
    (True, False)
    """
    return source.lower().startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


def remote_files(address: str) -> Iterator[AudioFile | Failure]:
    """The song at an address, or those below a folder of a bucket, without their bytes: their paths are empty."""
    found: list[AudioFile | Failure]
    try:
        with told(address):
            found = list(_found(address))
    except AudioReadError as error:
        found = [Failure(text_of(address), error.reason, error.is_passing)]
    yield from found


def at_hand(address: str, folder: Path) -> AudioFile | Failure:
    """The song at an address, as a file that is fetched into `folder` when its bytes are needed."""
    try:
        with told(address):
            path = folder / (Path(unquote(urlsplit(address).path)).name or "song")
            system, name = _opened(address)
            described = _described(address, system.info(name))
    except AudioReadError as error:
        return Failure(text_of(address), error.reason, error.is_passing)
    if described.size > LONGEST:
        return Failure(text_of(address), TOO_LARGE)
    return replace(described, path=path, fetch=partial(_fetch, address, system, name, path))


@contextmanager
def told(address: str) -> Iterator[None]:
    """Raise AudioReadError, which says whether another attempt may succeed, for whatever goes wrong with an address."""
    try:
        yield
    except (AudioReadError, ImportError):
        raise
    except Exception as error:
        cause = _first_cause(error)
        reason = str(cause) or type(cause).__name__
        if _is_final(cause):
            raise AudioReadError(address, f"cannot be fetched ({reason})") from error
        raise AudioReadError(address, f"cannot be fetched for now ({reason})", is_passing=True) from error


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and what the song is called there."""
    from fsspec.core import url_to_fs

    options: dict[str, Any] = {}
    if urlsplit(address).scheme != "s3":
        from aiohttp import ClientTimeout  # which by itself gives up after five minutes, however much has come

        options["client_kwargs"] = {"timeout": ClientTimeout(total=None, sock_connect=ANSWER_S, sock_read=ANSWER_S)}
    return url_to_fs(address, use_listings_cache=False, **options)  # type: ignore[no-any-return]


def _found(address: str) -> Iterator[AudioFile]:
    system, name = _opened(address)
    if urlsplit(address).scheme in ("http", "https") or not system.isdir(name):
        yield _described(address, system.info(name))
        return
    songs = [
        (path, info)
        for path, info in system.find(name, detail=True).items()
        if posixpath.splitext(path)[1].lower() in AUDIO_SUFFIXES
    ]
    if not songs:
        raise AudioReadError(address, "holds no audio files")
    for path, info in sorted(songs):
        yield _described(system.unstrip_protocol(path), info)


def _described(address: str, info: dict[str, Any]) -> AudioFile:
    """What its server tells of a song. One that says nothing of its age is looked at again each time."""
    modified_at = info.get("LastModified") or datetime.now(UTC)
    return AudioFile(Path(), int(info.get("size") or 0), modified_at, known_as=address)


def _fetch(address: str, system: Any, name: str, path: Path) -> None:
    from fsspec.callbacks import Callback

    began = time.monotonic()

    def check(size: int | None, value: int, **_: Any) -> None:
        if value > LONGEST:
            raise AudioReadError(address, TOO_LARGE)
        if size is None and time.monotonic() - began > ENDLESS_S:
            raise AudioReadError(address, f"has no end after {ENDLESS_S:.0f} s")

    with told(address):
        path.parent.mkdir(exist_ok=True)
        system.get_file(name, str(path), callback=Callback(hooks={"bounds": check}))


def _first_cause(error: BaseException) -> BaseException:
    """What it began with: fsspec says of every fault that the file was not found."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _is_final(error: BaseException) -> bool:
    status = getattr(error, "status", None)  # of aiohttp's answers
    if isinstance(status, int):
        return 400 <= status < 500 and status not in TOO_BUSY
    return isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | ValueError)
