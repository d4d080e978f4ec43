"""Name what is heard live: asked several times as more is heard, then followed."""

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db.scans import read_fragments
from songradar.following import StoredSong
from songradar.identify import Answer, Fragments, Match, SearchOptions, identify_fragments
from songradar.ml.audio import Resampling, Wave
from songradar.ml.encoder import FragmentStream

ASKED_AT_S = (2.0, 3.0, 5.0, 8.0, 12.0)
"""After so many seconds of sound the song is asked for, until it is named."""

FOLLOWED_EVERY_S = 1.0
"""How often it is told where in the song one is."""

WITHIN_S = 4.0
"""A song that is followed is compared with so much of what was heard last."""

FAINT = 0.3
"""Mean similarity below which what is heard is not the song: other songs reach 0.25, and it 0.55 in noise of 0 dB."""

SHIFTS_S = (0.0, -0.1, 0.1)
"""Songs that are played faster or slower move away from where they would be: each time they may by so much."""

CLEARER = 0.005
"""By so much more similar it has to be there."""

LOST_S = 5.0
"""A song is lost after so long without it."""


@dataclass(frozen=True)
class Asked:
    """What the song may be, after `heard_s` seconds; `is_final` says that it is not asked for again."""

    heard_s: float
    answer: Answer
    is_final: bool


@dataclass(frozen=True)
class Now:
    """The song goes on, and is at `song_s`; `similarity` is how clearly it is heard."""

    heard_s: float
    song_id: int
    song_s: float
    similarity: float


@dataclass(frozen=True)
class Lost:
    """The song is over, or no longer heard."""

    heard_s: float
    song_id: int


LiveEvent: TypeAlias = Asked | Now | Lost


@dataclass
class Live:
    """One listener: `hear` takes sound as it comes. Not for several threads at once."""

    catalogue: Catalogue
    rate_hz: int
    options: SearchOptions = SearchOptions()
    is_done: bool = False
    _encoder: LoadedEncoder = field(init=False)
    _match: Match | None = None
    _song: StoredSong | None = None
    _n_asked: int = 0
    _told_s: float = 0.0
    _last_heard_s: float = 0.0
    _offset_s: float = 0.0

    def __post_init__(self) -> None:
        """Raises EncoderUnknown, CatalogueEmpty."""
        self._encoder = self.catalogue.encoder(self.options.encoder)
        self.options = replace(self.options, encoder=self._encoder.name)
        self._resampling = Resampling(self.rate_hz, self._encoder.network.spec.sample_rate_hz)
        self._stream = FragmentStream(self._encoder.network)
        self._pending: list[Wave] = []
        self._n_samples = 0
        self._numbers: list[int] = []
        self._embeddings: list[NDArray[np.float32]] = []

    @property
    def heard_s(self) -> float:
        """Seconds heard so far."""
        return self._n_samples / self.rate_hz

    def hear(self, block: Wave) -> bool:
        """Take (t,) float32 in, which is quick; whether there is something to `tell`."""
        self._n_samples += len(block)
        self._pending.append(self._resampling.add(block))
        if self._match is not None:
            return self.heard_s >= self._told_s + FOLLOWED_EVERY_S
        return self._n_asked < len(ASKED_AT_S) and self.heard_s >= ASKED_AT_S[self._n_asked]

    def tell(self) -> LiveEvent:
        """What there is to tell, once `hear` says so. Raises CatalogueEmpty, SongUnknown."""
        for number, embedding in self._stream.add(np.concatenate(self._pending)):
            self._numbers.append(number)
            self._embeddings.append(embedding)
        self._pending = []
        if self._match is None or self._song is None:
            return self._ask()
        return self._follow(self._match, self._song)

    def _ask(self) -> Asked:
        self._n_asked += 1
        is_last = self._n_asked == len(ASKED_AT_S)
        if not self._numbers:
            answer = Answer("live", self._encoder.name, self._encoder.id, self.heard_s, [], "is silent")
        else:
            offsets_s = (np.array(self._numbers) * self._encoder.network.spec.query_hop_s).astype(np.float32)
            fragments = Fragments(np.stack(self._embeddings), offsets_s, self.heard_s)
            answer = identify_fragments(self.catalogue, fragments, self.options, "live")
        if answer.matched:
            self._match = answer.matches[0]
            with self.catalogue.connection() as connection:
                stored = read_fragments(connection, self._encoder.id, self._match.song_id)
            self._song = StoredSong(*stored, self._encoder.network.spec)
            self._offset_s = self._match.offset_s
            self._told_s = self._last_heard_s = self.heard_s
        self.is_done = is_last and not answer.matched
        return Asked(round(self.heard_s, 3), answer, answer.matched or is_last)

    def _follow(self, match: Match, song: StoredSong) -> Now | Lost:
        self._told_s = self.heard_s
        shift_s, similarity = self._best_shift(song)
        if similarity >= FAINT:
            self._last_heard_s = self.heard_s
            self._offset_s += shift_s
        if self.heard_s - self._last_heard_s >= LOST_S:
            self.is_done = True
            return Lost(round(self.heard_s, 3), match.song_id)
        song_s = round(self._offset_s + self.heard_s, 3)
        return Now(round(self.heard_s, 3), match.song_id, song_s, round(similarity, 4))

    def _best_shift(self, song: StoredSong) -> tuple[float, float]:
        """Which of SHIFTS_S fits the last fragments best, and their mean similarity with the song there.

        Silence is like no song.
        """
        hop_s = self._encoder.network.spec.query_hop_s
        n_last = min(self._stream.n, round(WITHIN_S / hop_s))
        keep = bisect_left(self._numbers, self._stream.n - n_last)
        del self._numbers[:keep], self._embeddings[:keep]
        if not self._numbers:
            return 0.0, 0.0
        song_s = self._offset_s + np.array(self._numbers) * hop_s
        places_s = np.concatenate([song_s + shift_s for shift_s in SHIFTS_S])
        embeddings = np.tile(np.stack(self._embeddings), (len(SHIFTS_S), 1))
        found = song.similarities(embeddings, places_s)
        means = np.reshape(found, (len(SHIFTS_S), -1)).sum(axis=1) / n_last
        best = int(np.argmax(means)) if means.max() > means[0] + CLEARER else 0
        return SHIFTS_S[best], float(means[best])
