"""Decode files and read their tags in a process of its own, whose memory is bounded.

Files are not trusted. A kilobyte of header can ask for gigabytes, and a fault in a decoder can crash its process. Here
such a crash costs only that file, and the next file gets a new process. Requests are lines of JSON. Audio is returned
as blocks of samples, each preceded by its size in bytes, followed by a block of size 0 and a line of JSON.
"""

import base64
import json
import math
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import TIMEOUT_MAX, Event, Timer
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from songradar.ml.audio import Wave, declared_duration_s, decode
from songradar.ml.covers import Cover, read_cover
from songradar.ml.errors import AudioReadError, DecoderKilled
from songradar.ml.memory import bounded_memory
from songradar.ml.tags import Tags, read_tags, tags_from_name

SIZE = struct.Struct("<I")

BREAKS_DOWN = "makes the decoder break down: the file is damaged"

ENDED_S = 1.0
"""How long a decoding process whose answer has broken off may take to be gone."""

SECRETS = ("DATABASE_URL", "SONGRADAR_READ_URL", "PG", "AWS_")
"""How the names begin of what the environment tells of databases and buckets, and sound that takes a decoding process
over need not know."""


@dataclass(frozen=True)
class Bounds:
    """How much of a file is heard at most: `longest_s` seconds of it, and that `within_s` seconds."""

    longest_s: float = math.inf
    within_s: float = math.inf

    @property
    def too_long(self) -> str:
        """What is wrong with a file that is longer."""
        return f"is longer than {spoken(self.longest_s)}"

    @property
    def too_slow(self) -> str:
        """What is wrong with a file that takes longer."""
        return f"takes longer than {spoken(self.within_s)} to decode"


def spoken(seconds: float) -> str:
    """A length as one says it.

    >>> spoken(20), spoken(43_200)
    ('20 s', '12 hours')
    """
    return f"{seconds / 3600:g} hours" if seconds > 3600 else f"{seconds:g} s"


UNBOUNDED = Bounds()


class Decoder:
    """A process that decodes one file at a time. It starts with the first request. Use it from one thread only."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process. Another request starts a new one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def kill(self) -> None:
        """Break off what the process is doing, which then raises DecoderKilled. From any thread."""
        process = self._process
        if process is not None:
            process.kill()

    def decode(self, path: Path, sample_rate_hz: int, bounds: Bounds = UNBOUNDED) -> Iterator[Wave]:
        """Like `ml.audio.decode`. AudioReadError also when it crashes or exceeds bounds; DecoderKilled if killed."""
        n_left, done = bounds.longest_s * sample_rate_hz, False
        with self._deadline(bounds.within_s) as is_late:
            try:
                source = self._ask("sound", path=str(path), sample_rate_hz=sample_rate_hz)
                while (size := SIZE.unpack(exactly(source, SIZE.size))[0]) > 0:
                    block = np.frombuffer(exactly(source, size), np.float32)
                    n_left -= len(block)
                    if n_left < 0:
                        raise AudioReadError(path, bounds.too_long)
                    yield block
                reason = json.loads(source.readline())["reason"]
                done = True
            except (EOFError, OSError, ValueError) as error:
                raise (AudioReadError(path, bounds.too_slow) if is_late() else self._why_it_ended(path)) from error
            finally:
                if not done:  # remaining output must not be taken for the answer to a later request
                    self.close()
        if reason is not None:
            raise AudioReadError(path, reason)

    def _why_it_ended(self, path: Path) -> AudioReadError:
        """A decoder never kills itself; what it breaks down of is in the file."""
        with suppress(subprocess.TimeoutExpired):
            if self._process is not None and self._process.wait(ENDED_S) == -signal.SIGKILL:
                return DecoderKilled(path, "its decoding process was killed, as happens where memory is short")
        return AudioReadError(path, BREAKS_DOWN)

    def length_s(self, path: Path, bounds: Bounds = UNBOUNDED) -> float | None:
        """Like `ml.audio.declared_duration_s`. Raises AudioReadError as `decode` does."""
        answer = self._told("length", path, bounds)
        if answer["reason"] is not None:
            raise AudioReadError(path, answer["reason"])
        seconds: float | None = answer["seconds"]
        return seconds

    def tags(self, path: Path, bounds: Bounds = UNBOUNDED) -> Tags:
        """Like `ml.tags.read_tags`. A file whose tags crash the process, or take too long, counts as having none."""
        try:
            return Tags(**self._told("tags", path, bounds))
        except AudioReadError:
            return tags_from_name(path)

    def cover(self, path: Path, bounds: Bounds = UNBOUNDED) -> Cover | None:
        """Like `ml.covers.read_cover`, with the same for such files."""
        try:
            answer = self._told("cover", path, bounds)
        except AudioReadError:
            return None
        return Cover(base64.b64decode(answer["data"]), answer["media_type"]) if answer else None

    def _told(self, what: str, path: Path, bounds: Bounds) -> Any:
        """What the process says of a file, in a line of JSON. Raises AudioReadError."""
        with self._deadline(bounds.within_s) as is_late:
            try:
                return json.loads(self._ask(what, path=str(path)).readline())
            except (OSError, ValueError) as error:
                self.close()
                raise AudioReadError(path, bounds.too_slow if is_late() else BREAKS_DOWN) from error

    @contextmanager
    def _deadline(self, within_s: float) -> Iterator[Callable[[], bool]]:
        """Ends the process when the time of a block has run out, and tells whether it has."""
        late = Event()

        def end() -> None:
            late.set()
            self.kill()

        self._running()  # one that begins later would not be ended
        timer = Timer(min(within_s, TIMEOUT_MAX), end)
        timer.daemon = True
        if within_s < math.inf:
            timer.start()
        try:
            yield late.is_set
        finally:
            timer.cancel()
            if timer.ident:
                timer.join()
            if late.is_set():
                self.close()  # so that the next file gets a new process

    def _ask(self, what: str, **request: object) -> IO[bytes]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"what": what, **request}).encode() + b"\n")
        process.stdin.flush()
        return process.stdout

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._process = started("from songradar.ml.decoder import serve; serve()", stdin=subprocess.PIPE)
        return self._process


def started(
    program: str,
    *arguments: str,
    stdin: int | None,
    stderr: int | None = None,
    defaults: Mapping[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
    """Python that runs `program` in a process of its own, which imports what this one can, and is not told SECRETS.

    `defaults` stand where the environment says nothing.
    """
    told = {name: value for name, value in os.environ.items() if not name.startswith(SECRETS)}
    own = {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, env={**(defaults or {}), **told, **own}
    )


def exactly(source: IO[bytes], size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError
    return data


def serve() -> None:
    """Answer requests from stdin until it ends, within bounded memory."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # text that a library prints must not mix with the answers
    with suppress(BrokenPipeError, KeyboardInterrupt), bounded_memory():
        for line in sys.stdin.buffer:
            _answer(json.loads(line), answers)
            answers.flush()


def _answer(request: dict[str, Any], answers: IO[bytes]) -> None:
    path = Path(request["path"])
    if request["what"] == "sound":
        reason = _sound(path, request["sample_rate_hz"], answers)
        answers.write(SIZE.pack(0) + json.dumps({"reason": reason}).encode() + b"\n")
    else:
        answers.write(json.dumps(TOLD[request["what"]](path)).encode() + b"\n")


def _sound(path: Path, sample_rate_hz: int, answers: IO[bytes]) -> str | None:
    """Write blocks; why there are no more, if not because they are over."""
    try:
        for block in decode(path, sample_rate_hz):
            data = block.astype(np.float32, copy=False).tobytes()
            if data:
                answers.write(SIZE.pack(len(data)))
                answers.write(data)
    except AudioReadError as error:
        return error.reason
    except Exception as error:  # a library failed on a damaged file: only this file counts as failed
        return f"cannot be decoded ({type(error).__name__}: {error})"
    return None


def _length(path: Path) -> dict[str, Any]:
    try:
        return {"seconds": declared_duration_s(path), "reason": None}
    except AudioReadError as error:
        return {"reason": error.reason}


def _cover(path: Path) -> dict[str, Any] | None:
    cover = read_cover(path)
    return {"data": base64.b64encode(cover.data).decode(), "media_type": cover.media_type} if cover else None


TOLD: dict[str, Callable[[Path], Any]] = {
    "tags": lambda path: vars(read_tags(path)),
    "length": _length,
    "cover": _cover,
}
"""What is told of a file in a line of JSON."""
