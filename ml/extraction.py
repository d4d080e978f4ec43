"""Hashes and fingerprints of many files, several at a time."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from queue import SimpleQueue
from threading import Event
from types import TracebackType
from typing import Self

from songradar.ml.decoder import UNBOUNDED, Bounds, Decoder
from songradar.ml.encoder import Encoder, Fingerprint
from songradar.ml.errors import AudioError, AudioReadError
from songradar.ml.files import AudioFile, Failure, sha256
from songradar.ml.tags import Tags


@dataclass(frozen=True)
class HashedFile:
    """A file and the SHA-256 of its bytes."""

    file: AudioFile
    sha256: bytes


@dataclass(frozen=True)
class Extracted:
    """All the catalogue needs to know of a song."""

    hashed: HashedFile
    tags: Tags
    fingerprint: Fingerprint


def usable_cores() -> int:
    """Cores that this process may use: its affinity, and what its control group grants it (Linux)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:  # noqa: PTH123  (a pseudo file, absent elsewhere)
            quota, period = file.read().split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):  # there is none, or it says "max"
        return cores


class Extraction:
    """Threads that hash and encode files, `workers` of them at once. Leaving the context manager closes it.

    Each encoding thread has its own decoding process and runs the network with ONNX Runtime, which releases Python's
    global lock. Hashing has a thread of its own, so that it does not wait for encoding.
    """

    def __init__(self, encoder: Encoder, workers: int, bounds: Bounds = UNBOUNDED) -> None:
        """`bounds` are those of each file."""
        self.workers = workers
        self._encoder, self._bounds = encoder, bounds
        self._stop = Event()
        self._hashing = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self._encoding = ThreadPoolExecutor(workers, thread_name_prefix="encode")
        self._tagger = Decoder()
        self._all_decoders = [Decoder() for _ in range(workers)]
        self._decoders: SimpleQueue[Decoder] = SimpleQueue()
        for decoder in self._all_decoders:
            self._decoders.put(decoder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel what is not finished, and end all threads and processes."""
        self._stop.set()  # also when the user interrupts: nobody waits for the end of a long file
        for pool in (self._hashing, self._encoding):
            pool.shutdown(cancel_futures=True)
        for decoder in (self._tagger, *self._all_decoders):
            decoder.close()

    def hash(self, file: AudioFile) -> "Future[HashedFile | Failure]":
        """Read the file's bytes in the background."""
        return self._hashing.submit(_hashed, file)

    def encode(self, hashed: HashedFile) -> "Future[Extracted | Failure]":
        """Fingerprint and tags of the file, or why there are none, in the background."""
        return self._encoding.submit(self._encode, hashed)

    def tags(self, file: AudioFile) -> Tags:
        """Read the file's tags now, in a process of their own, so as not to wait for a file that is being decoded."""
        return self._tagger.tags(file.path, self._bounds)

    def _encode(self, hashed: HashedFile) -> Extracted | Failure:
        path, source, decoder = hashed.file.path, hashed.file.source, self._decoders.get()
        blocks = decoder.decode(path, self._encoder.spec.sample_rate_hz, self._bounds)
        try:
            fingerprint = self._encoder.fingerprint_song(takewhile(lambda _: not self._stop.is_set(), blocks))
            return Extracted(hashed, decoder.tags(path, self._bounds), fingerprint)
        except AudioReadError as error:
            return Failure(source, error.reason, error.is_passing)
        except AudioError as error:
            return Failure(source, str(error))
        except Exception as error:  # a fault of ours or of a library's on this file: the rest goes on
            return Failure(source, f"cannot be encoded ({type(error).__name__}: {error})")
        finally:
            self._decoders.put(decoder)


def _hashed(file: AudioFile) -> HashedFile | Failure:
    try:
        if file.fetch is not None:
            file.fetch()
        return HashedFile(file, sha256(file.path))
    except AudioReadError as error:
        return Failure(file.source, error.reason, error.is_passing)
