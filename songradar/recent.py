"""What was heard of a recording just now: the fragments that may still be searched for, and followed."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from songradar.ml.audio import Wave
from songradar.ml.spec import AudioSpec

KEPT_S = 60.0
"""Fragments are kept for so long: a playing that is found begins no earlier than this before."""


class Recent:
    """The last fragments that are not silent, by number, and how long the recording was heard in all."""

    def __init__(self, spec: AudioSpec) -> None:
        self._spec = spec
        self._n_samples = 0
        self.fragments: deque[tuple[int, NDArray[np.float32]]] = deque()

    @property
    def heard_s(self) -> float:
        """Seconds of the recording heard so far."""
        return self._n_samples / self._spec.sample_rate_hz

    def counted(self, blocks: Iterable[Wave]) -> Iterator[Wave]:
        """Blocks (t,) as they are, which from then on count as heard."""
        for block in blocks:
            self._n_samples += len(block)
            yield block

    def add(self, number: int, embedding: NDArray[np.float32]) -> None:
        """Keep the next fragment, an embedding (64,)."""
        self.fragments.append((number, embedding))

    def take(self, fragments: Sequence[tuple[int, NDArray[np.float32]]], n_samples: int) -> None:
        """Keep fragments, which came with so many samples."""
        self.fragments.extend(fragments)
        self._n_samples += n_samples
        self.drop()

    def drop(self) -> None:
        """Forget what was heard too long ago."""
        oldest = (self.heard_s - KEPT_S) / self._spec.query_hop_s
        while self.fragments and self.fragments[0][0] < oldest:
            self.fragments.popleft()

    def within(self, window: tuple[float, float]) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """The fragments in a window: numbers (n,), embeddings (n, 64), and seconds from the window's begin (n,)."""
        (begin_s, end_s), hop_s = window, self._spec.query_hop_s
        first, last = np.ceil(begin_s / hop_s - 1e-6), (end_s - self._spec.fragment_s) / hop_s + 1e-6
        inside = [(number, embedding) for number, embedding in self.fragments if first <= number <= last]
        numbers = np.array([number for number, _ in inside], np.int64)
        embeddings = np.array([embedding for _, embedding in inside], np.float32)
        return numbers, embeddings, (numbers * hop_s - begin_s).astype(np.float32)
