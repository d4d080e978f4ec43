"""Recordings that strangers send: decoded in processes of their own, within bounded memory, length and time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import LifoQueue
from types import TracebackType
from typing import Self

from songradar.ml.audio import Wave
from songradar.ml.covers import Cover
from songradar.ml.decoder import UNBOUNDED, Bounds, Decoder
from songradar.ml.errors import AudioReadError
from songradar.ml.extraction import usable_cores

__all__ = ["UNBOUNDED", "Bounds", "Cover", "Decoders"]


class Decoders:
    """Processes that decode, `n` files at a time [two for each core]; others wait. Safe between threads."""

    def __init__(self, n: int | None = None) -> None:
        self.n = n or 2 * usable_cores()
        self._all = [Decoder() for _ in range(self.n)]
        self._idle: LifoQueue[Decoder] = LifoQueue()  # the last used is the first to be used again: it runs already
        for decoder in self._all:
            self._idle.put(decoder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for decoder in self._all:
            decoder.close()

    def blocks(self, path: Path, sample_rate_hz: int, bounds: Bounds, name: str) -> Iterator[Wave]:
        """A file's sound in blocks of (t,) float32 at `sample_rate_hz`.

        Raises AudioReadError, which calls the file `name`, also beyond the bounds.
        """
        with self._one() as decoder:
            try:
                yield from decoder.decode(path, sample_rate_hz, bounds)
            except AudioReadError as error:
                raise AudioReadError(name, error.reason) from error

    def cover(self, path: Path, bounds: Bounds) -> Cover | None:
        """The picture that a song's file brings with it, if it has one that browsers show."""
        with self._one() as decoder:
            return decoder.cover(path, bounds)

    @contextmanager
    def _one(self) -> Iterator[Decoder]:
        """A decoder for the length of a block."""
        decoder = self._idle.get()
        try:
            yield decoder
        finally:
            self._idle.put(decoder)
