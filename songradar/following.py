"""Songs are followed: fragments of a recording are compared with what is stored of a song, where it should be heard."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db import scans
from songradar.ml.spec import AudioSpec
from songradar.timeline import Line

Floats = NDArray[np.float64]

AROUND_S = 5.0
"""What a fragment has in common with those so near to it is not the song's, mostly, but the room's or the noise's."""

LOOP_S = 300.0
"""How far from where a song seems to be it may be instead, as music repeats itself."""

SONGS = 100
"""Songs whose fragments are at hand; an hour of music is 1.5 MB."""


@dataclass(frozen=True)
class Heard:
    """The fragments at hand that are not silent: their numbers (n,), and their embeddings (n, 64), ready to compare."""

    numbers: NDArray[np.int64]
    embeddings: NDArray[np.float32]

    @classmethod
    def of(cls, kept: Iterable[tuple[int, NDArray[np.float32]]], spec: AudioSpec) -> Self:
        """Fragments, of which there is one at least, without most of what each has in common with those around it.

        A search does the same to its recording (query_fragments_v1).
        """
        several, each = zip(*kept, strict=True)
        numbers, embeddings = np.array(several, np.int64), np.stack(each)
        if spec.hop_s >= spec.fragment_s:
            return cls(numbers, embeddings)
        sums = np.concatenate([np.zeros((1, embeddings.shape[1])), np.cumsum(embeddings, axis=0, dtype=np.float64)])
        reach = round(AROUND_S / spec.query_hop_s)
        begin, end = np.searchsorted(numbers, numbers - reach), np.searchsorted(numbers, numbers + reach, "right")
        means = (sums[end] - sums[begin]) / (end - begin)[:, None]
        seconds = (numbers[end - 1] - numbers[begin]) * spec.query_hop_s
        without = embeddings - (0.8 * seconds / (1 + seconds))[:, None] * means
        apart = without / np.maximum(np.linalg.norm(without, axis=1, keepdims=True), 1e-9)
        return cls(numbers, np.asarray(apart, np.float32))


class StoredSong:
    """The fragments of a song, as they are stored: every `hop_s`, except where the song is silent."""

    def __init__(self, positions: NDArray[np.int64], embeddings: NDArray[np.float32], spec: AudioSpec) -> None:
        self._hop_s, self._overlapping = spec.hop_s, spec.hop_s < spec.fragment_s
        n = int(positions.max(initial=-1)) + 1
        # A zero, and another one, follow on the song: what is beyond it, or silent, is similar to nothing.
        self._embeddings = np.zeros((n + 2, embeddings.shape[1]), np.float32)
        self._embeddings[positions] = embeddings
        self._is_there: NDArray[np.bool_] = np.asarray(self._embeddings.any(axis=1))
        self._to_next = products(self._embeddings[:-1], self._embeddings[1:])

    def similarities(self, embeddings: NDArray[np.float32], song_s: Floats) -> Floats:
        """How similar fragments (n, 64) are to the song at the places (n,), in seconds; 0 where nothing is stored.

        Where stored fragments overlap, a fragment between two of them is compared with the point between these, as
        the SQL function follow_v1 does it; else with the nearer one.
        """
        hops = song_s / self._hop_s
        whole = (np.floor(hops) if self._overlapping else np.round(hops)).astype(np.int64)
        last = len(self._embeddings) - 2
        at = np.where((whole >= 0) & (whole < last), whole, last)
        before = products(embeddings, self._embeddings[at])
        if not self._overlapping:
            return before
        far = np.where(self._is_there[at + 1], hops - whole, 0.0)
        after = products(embeddings, self._embeddings[at + 1])
        length = np.sqrt((1 - far) ** 2 + far**2 + 2 * far * (1 - far) * self._to_next[at])
        return np.where(self._is_there[at], ((1 - far) * before + far * after) / length, 0.0)

    def everywhere(
        self, embeddings: NDArray[np.float32], apart_s: Floats, place_s: float, rates: Sequence[float]
    ) -> tuple[Floats, Floats]:
        """Places (p,) within LOOP_S of `place_s`, and the mean similarities if played there at the `rates`, (r, p).

        The fragments (n, 64) start `apart_s` (n,) before or after the moment at which the song is at a place. Each is
        compared with the nearest stored one.
        """
        n = len(self._embeddings) - 2
        low, high = max(0, int((place_s - LOOP_S) / self._hop_s)), min(n, int((place_s + LOOP_S) / self._hop_s))
        places = np.arange(low, max(low + 1, high), 0.5)
        similar = embeddings @ self._embeddings.T
        means = np.empty((len(rates), len(places)))
        for row, rate in enumerate(rates):
            at = np.round(places[:, None] + rate * apart_s / self._hop_s).astype(np.int64)
            means[row] = similar[np.arange(len(apart_s)), np.where((at >= 0) & (at < n), at, n)].mean(axis=1)
        return places * self._hop_s, means


def products(some: NDArray[np.float32], others: NDArray[np.float32]) -> Floats:
    """Scalar products (n,) of vectors (n, D), in pairs."""
    return np.asarray(np.einsum("nd,nd->n", some, others), np.float64)


class Follower:
    """Compares what is at hand of a recording with songs of a catalogue, each of which is read once."""

    def __init__(self, catalogue: Catalogue, encoder: LoadedEncoder) -> None:
        self._catalogue, self._encoder = catalogue, encoder
        self._songs: OrderedDict[int, StoredSong] = OrderedDict()
        self.heard: Heard | None = None

    def follow(self, line: Line, first: int, last: int) -> Floats:
        """Similarities of the fragments `first` to `last`, the latter excluded, to a line's song; 0 where silent."""
        similarities = np.zeros(max(0, last - first))
        if self.heard is not None:
            begin, end = np.searchsorted(self.heard.numbers, (first, last))
            numbers = self.heard.numbers[begin:end]
            song_s = line.song_s(numbers * self._encoder.network.spec.query_hop_s)
            found = self._song(line.song_id).similarities(self.heard.embeddings[begin:end], song_s)
            similarities[numbers - first] = found
        return similarities

    def everywhere(
        self, line: Line, first: int, last: int, at_s: float, rates: Sequence[float]
    ) -> tuple[Floats, Floats]:
        """Places (p,) at which the song may be at the time `at_s`, and how similar it is then at each rate, (r, p)."""
        assert self.heard is not None
        begin, end = np.searchsorted(self.heard.numbers, (first, last))
        apart_s = np.asarray(self.heard.numbers[begin:end] * self._encoder.network.spec.query_hop_s - at_s, np.float64)
        place_s = float(line.song_s(at_s))
        return self._song(line.song_id).everywhere(self.heard.embeddings[begin:end], apart_s, place_s, rates)

    def _song(self, song_id: int) -> StoredSong:
        if song_id not in self._songs:
            read = partial(scans.read_fragments, encoder_id=self._encoder.id, song_id=song_id)
            positions, embeddings = self._catalogue.retrying_search(read)
            self._songs[song_id] = StoredSong(positions, embeddings, self._encoder.network.spec)
            while len(self._songs) > SONGS:
                self._songs.popitem(last=False)
        self._songs.move_to_end(song_id)
        return self._songs[song_id]
