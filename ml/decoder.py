"""Decode files and read their tags in a process of its own, whose memory is bounded.

Files are not trusted. A kilobyte of header can ask for gigabytes, and a fault in a decoder can crash its process. Here
such a crash costs only that file, and the next file gets a new process. Requests are lines of JSON. Audio is returned
as blocks of samples, each preceded by its size in bytes, followed by a block of size 0 and a line of JSON.
"""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from songradar.ml.audio import Wave, decode
from songradar.ml.errors import AudioReadError
from songradar.ml.memory import bounded_memory
from songradar.ml.tags import Tags, read_tags, tags_from_name

SIZE = struct.Struct("<I")


SECRETS = ("DATABASE_URL", "PGPASSWORD", "PGPASSFILE")
"""What the environment tells of the database, and sound that takes a decoding process over need not know."""


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
        """Break off what the process is doing, which then raises AudioReadError. From any thread."""
        process = self._process
        if process is not None:
            process.kill()

    def decode(self, path: Path, sample_rate_hz: int) -> Iterator[Wave]:
        """Like `ml.audio.decode`. Also raises AudioReadError when the process crashes while decoding the file."""
        done = False
        try:
            source = self._ask(path=str(path), sample_rate_hz=sample_rate_hz)
            while (size := SIZE.unpack(exactly(source, SIZE.size))[0]) > 0:
                yield np.frombuffer(exactly(source, size), np.float32)
            reason = json.loads(source.readline())["reason"]
            done = True
        except (EOFError, OSError, ValueError) as error:
            raise AudioReadError(path, "makes the decoder break down: the file is damaged") from error
        finally:
            if not done:  # remaining output must not be taken for the answer to a later request
                self.close()
        if reason is not None:
            raise AudioReadError(path, reason)

    def tags(self, path: Path) -> Tags:
        """Like `ml.tags.read_tags`. If reading the tags crashes the process, the file counts as having none."""
        try:
            return Tags(**json.loads(self._ask(path=str(path)).readline()))
        except (OSError, ValueError):
            self.close()
            return tags_from_name(path)

    def _ask(self, **request: object) -> IO[bytes]:
        if self._process is None:
            self._process = started("from songradar.ml.decoder import serve; serve()", stdin=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return self._process.stdout


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
    told = {name: value for name, value in os.environ.items() if name not in SECRETS}
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
    if "sample_rate_hz" not in request:
        answers.write(json.dumps(vars(read_tags(path))).encode() + b"\n")
        return
    reason = None
    try:
        for block in decode(path, request["sample_rate_hz"]):
            data = block.astype(np.float32, copy=False).tobytes()
            if data:
                answers.write(SIZE.pack(len(data)))
                answers.write(data)
    except AudioReadError as error:
        reason = error.reason
    except Exception as error:  # a library failed on a damaged file: only this file counts as failed
        reason = f"cannot be decoded ({type(error).__name__}: {error})"
    answers.write(SIZE.pack(0) + json.dumps({"reason": reason}).encode() + b"\n")
