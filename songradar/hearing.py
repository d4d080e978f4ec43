"""Sound as it comes, block by block: when it is to be searched for, and how songs in it are followed."""

import math

import numpy as np

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.ml.audio import Resampling, Wave
from songradar.ml.encoder import FragmentStream
from songradar.scanner import Scanner
from songradar.timeline import Playing

ASKED_AT_S = (2.0, 3.0, 5.0, 8.0, 12.0)
"""After so many seconds of sound that nothing explains, it is searched for."""

LATER_S, LATER_EVERY_S = 5.0, 2.5
"""After that, its last seconds are searched for, every few seconds: a song may have begun in it."""


class Questions:
    """Which sound is to be searched for, and when, as long as nothing explains it."""

    def __init__(self) -> None:
        self._since_s = self._asked_s = 0.0
        self._n = 0

    def restart(self, since_s: float) -> None:
        """All before `since_s` is explained, or silent."""
        self._since_s, self._n = since_s, 0

    def stop(self) -> None:
        """Nothing is to be searched for any more."""
        self.restart(math.inf)

    def is_due(self, now_s: float) -> bool:
        """Whether there is something to search for now."""
        n = self._n_by(now_s)
        return n > self._n or (n == len(ASKED_AT_S) and now_s - self._asked_s >= LATER_EVERY_S)

    def due(self, now_s: float) -> list[tuple[float, float]]:
        """The window to search for now, from one time to another; none where it is too early."""
        if not self.is_due(now_s):
            return []
        n = self._n_by(now_s)
        begin_s = max(self._since_s, now_s - ASKED_AT_S[-1]) if n > self._n else now_s - LATER_S
        self._n, self._asked_s = n, now_s
        return [(begin_s, now_s)]

    def _n_by(self, now_s: float) -> int:
        return sum(seconds <= now_s - self._since_s for seconds in ASKED_AT_S)


class Hearing:
    """What all who listen have: `hear` takes sound in. Not for several threads at once."""

    def __init__(
        self,
        catalogue: Catalogue,
        encoder: LoadedEncoder,
        rate_hz: int,
        look_every_s: float,
        artist: str | None = None,
        collection: str | None = None,
        min_played_s: float = 0.0,
    ) -> None:
        """Sound of `rate_hz`, at which it is worth a look every `look_every_s`; the rest is the scanner's."""
        self._scanner = Scanner(catalogue, encoder, artist, collection, min_played_s)
        self._questions = Questions()
        self._fragments = FragmentStream(encoder.network)
        self._resampling = Resampling(rate_hz, encoder.network.spec.sample_rate_hz)
        self._pending: list[Wave] = []
        self._rate_hz, self._look_every_s = rate_hz, look_every_s
        self._n_samples, self._looked_s = 0, 0.0

    @property
    def heard_s(self) -> float:
        """Seconds heard so far."""
        return self._n_samples / self._rate_hz

    def hear(self, block: Wave) -> bool:
        """Take (t,) float32 in, which is quick; whether it is time to look what it is."""
        self._n_samples += len(block)
        self._pending.append(self._resampling.add(block))
        return self._questions.is_due(self.heard_s) or self.heard_s >= self._looked_s + self._look_every_s

    def close(self) -> None:
        """Wait for searches under way, and begin no others."""
        self._scanner.close()

    def _take(self) -> bool:
        """Hand what was heard to the scanner; whether any of it is louder than silence."""
        self._looked_s = self.heard_s
        wave = np.concatenate([np.zeros(0, np.float32), *self._pending])
        self._pending = []
        fragments = self._fragments.add(wave)
        self._scanner.take(fragments, len(wave))
        return bool(fragments)


def place(playing: Playing, at_s: float) -> float:
    """Where in its song a playing is at a time, in seconds, if it goes on as it did."""
    return max(0.0, (playing.song_end_s or 0.0) + (playing.speed or 1.0) * (at_s - playing.end_s))
