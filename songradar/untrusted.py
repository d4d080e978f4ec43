"""Recordings that strangers send: decoded in processes of their own, within bounded memory, length and time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import LifoQueue
from threading import Timer
from types import TracebackType
from typing import Self

from songradar.ml.audio import Wave
from songradar.ml.decoder import Decoder
from songradar.ml.errors import AudioReadError
from songradar.ml.extraction import usable_cores


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

    def blocks(self, path: Path, sample_rate_hz: int, longest_s: float, within_s: float, name: str) -> Iterator[Wave]:
        """A file's sound in blocks of (t,) float32 at `sample_rate_hz`.

        Raises AudioReadError, which calls the file `name`, also if it is longer than `longest_s`, and if it cannot be
        decoded `within_s` seconds.
        """
        n_samples = 0
        with self._one(within_s) as (decoder, is_late):
            try:
                for block in decoder.decode(path, sample_rate_hz):
                    n_samples += len(block)
                    if n_samples > longest_s * sample_rate_hz:
                        raise AudioReadError(name, f"is longer than {longest_s:g} s")
                    yield block
            except AudioReadError as error:
                reason = f"takes longer than {within_s:g} s to decode" if is_late() else error.reason
                raise AudioReadError(name, reason) from error

    @contextmanager
    def _one(self, within_s: float) -> Iterator[tuple[Decoder, "Late"]]:
        """A decoder for the length of a block, and whether its time ran out, on which its process is ended."""
        decoder = self._idle.get()
        late = Late(decoder)
        timer = Timer(within_s, late.end)
        timer.daemon = True
        timer.start()
        try:
            yield decoder, late
        finally:
            timer.cancel()
            timer.join()
            if late():
                decoder.close()  # so that the next file gets a new process
            self._idle.put(decoder)


class Late:
    """Whether a decoder's time has run out."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder, self._is_late = decoder, False

    def __call__(self) -> bool:
        return self._is_late

    def end(self) -> None:
        self._is_late = True
        self._decoder.kill()
