"""Recordings that are no files here: an address on the web, standard input. They are copied to a file to be heard."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, cast

from songradar.ml.errors import AudioReadError
from songradar.ml.files import text_of

if TYPE_CHECKING:
    from http.client import HTTPResponse

ANSWER_S = 30
"""How long a server on the web may keep us waiting."""

URL_S, INPUT_S = 120, 600
"""How long may come what does not say its length: a stream on the web has no end, and a recording is fetched sooner."""

LONGEST = 4 << 30
"""Bytes of the largest recording that is fetched, two days of MP3."""

PIECE = 1 << 16


def name_of(recording: str) -> str:
    """What an answer calls the recording.

    >>> name_of("-")
    'standard input'
    """
    return "standard input" if recording == "-" else text_of(recording)


def is_file(recording: str) -> bool:
    """Whether it is the path of a file: neither standard input nor an address."""
    return recording != "-" and not recording.lower().startswith(("http://", "https://"))


@contextmanager
def opened(recording: str) -> Iterator[Path]:
    """The file to hear: the recording itself, or a copy while the block lasts. Raises AudioReadError."""
    if is_file(recording):
        yield Path(recording)
        return
    with NamedTemporaryFile(prefix="songradar-") as file:
        if recording == "-":
            copy(cast("BufferedReader", sys.stdin.buffer), file, recording, INPUT_S)
        else:
            fetch(recording, file)
        file.flush()
        yield Path(file.name)


def fetch(url: str, file: IO[bytes]) -> None:
    """Raises AudioReadError."""
    from http.client import HTTPException  # these take longer to import than most searches take
    from urllib.request import Request, urlopen

    try:
        request = Request(url, headers={"User-Agent": "songradar"})  # noqa: S310  (http or https alone)
        with urlopen(request, timeout=ANSWER_S) as response:  # noqa: S310
            copy(response, file, url, None if response.length is not None else URL_S)
            if response.length:
                raise AudioReadError(url, "breaks off while it is fetched")
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise AudioReadError(url, f"cannot be fetched ({reason})") from error


def copy(source: "BufferedReader | HTTPResponse", file: IO[bytes], recording: str, seconds: float | None) -> None:
    """All of `source`, which may come for so long [without bound]. Raises AudioReadError."""
    began, n_bytes = time.monotonic(), 0
    while piece := source.read1(PIECE):
        n_bytes += len(piece)
        if n_bytes > LONGEST:
            raise AudioReadError(recording, f"is larger than {LONGEST >> 30} GiB")
        if seconds is not None and time.monotonic() - began > seconds:
            raise AudioReadError(recording, f"has no end after {seconds:.0f} s: songradar listen hears what goes on")
        file.write(piece)
