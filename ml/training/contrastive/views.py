"""Batches of pairs: a song's second as the catalogue holds it, and the same second as it was recorded."""

from collections.abc import Sequence
from typing import Any

import keras
import librosa
import numpy as np
from numpy.typing import NDArray

from songradar.ml.errors import TrainingDataError
from songradar.ml.spec import AudioSpec
from songradar.ml.training.contrastive.bank import CHUNK_FRAMES, Clean, Degraded
from songradar.ml.training.contrastive.config import Recipe
from songradar.ml.training.spectrogram import standardised

GROUP = 4
"""Moments taken from one chunk: other moments of the same song are the hard negatives of a batch."""

MUSIC_SHARE = 0.15
"""Of the noises drawn for a batch, this share is other music."""

N_NEIGHBOURS = 8
"""Number of nearest songs, by the current encoder, from which further hard negatives are drawn."""

BARE_SHARE = 0.25
"""Views of noise alone in a batch, as a share of its pairs. They teach the encoder to ignore noise."""

ALIKE = 0.9
"""Correlation of two clean spectrograms above which they count as one sound (loops, repeats), never as negatives."""

Spectrograms = NDArray[np.float32]
"""(N, n_frames, n_mels) in dB, or standardised."""


def mel_frequencies(spec: AudioSpec) -> NDArray[np.float64]:
    """(n_mels,) centres of the mel bands in Hz."""
    highest = spec.f_max_hz or spec.sample_rate_hz / 2
    return np.asarray(librosa.mel_frequencies(spec.n_mels + 2, fmin=spec.f_min_hz, fmax=highest)[1:-1])


def mix_db(signal: Spectrograms, noise: Spectrograms, snr_db: NDArray[np.float64]) -> Spectrograms:
    """Add the powers of signal and noise, after the noise is lowered by `snr_db` (N,)."""
    powers = 10 ** (signal / 10) + 10 ** ((noise - snr_db[:, None, None]) / 10)
    return np.asarray(10 * np.log10(powers), np.float32)


def random_response_db(frequencies: NDArray[np.float64], n: int, rng: np.random.Generator) -> Spectrograms:
    """(n, 1, n_mels) in dB: smooth ups and downs of a few dB, as small loudspeakers and microphones have them."""
    place = np.linspace(0, np.pi, len(frequencies))
    waves = np.cos(np.arange(1, 5)[:, None] * place + rng.uniform(0, 2 * np.pi, (n, 4, 1)))
    return np.sum(rng.normal(0, 2.5, (n, 4, 1)) * waves, axis=1)[:, None].astype(np.float32)


def random_band_pass_db(frequencies: NDArray[np.float64], n: int, rng: np.random.Generator) -> Spectrograms:
    """(n, 1, n_mels) in dB: 0 within a random band, falling by 12 to 36 dB per octave outside it."""
    low, high = np.exp(rng.uniform(np.log(80), np.log(600), (n, 1))), rng.uniform(1800, 4000, (n, 1))
    outside = np.maximum(0, np.log2(low / frequencies)) + np.maximum(0, np.log2(frequencies / high))
    return (-rng.uniform(12, 36, (n, 1)) * outside)[:, None].astype(np.float32)


def mask(views: Spectrograms, rng: np.random.Generator) -> None:
    """SpecAugment in place (Park et al. 2019): a band or a stretch of time of each view is set to the mean."""
    _, n_frames, n_mels = views.shape
    for view in views:
        if rng.random() < 0.4:
            size = int(rng.integers(1, n_mels // 6))
            start = int(rng.integers(0, n_mels - size + 1))
            view[:, start : start + size] = 0
        if rng.random() < 0.4:
            size = int(rng.integers(1, n_frames // 3))
            start = int(rng.choice([0, n_frames - size, rng.integers(0, n_frames - size + 1)]))  # the edges often
            view[start : start + size] = 0


class Views(keras.utils.PyDataset):
    """`steps` batches of `n_pairs`, the same for the same seed: views (2 n + m, n_frames, n_mels, 1), one (2 n + m, n).

    The first n views are clean, as in the catalogue. View n + i is a recording of view i. The last m views are noises
    from these recordings, without the music. `one[i, j]` is 1 if pairs i and j are the same sound, so that neither may
    be a negative of the other. `neighbours` (songs, k) lists the most similar songs, some of which share a batch.
    """

    def __init__(
        self,
        clean: Clean,
        degraded: Degraded,
        noise: Clean,
        spec: AudioSpec,
        recipe: Recipe,
        n_pairs: int,
        steps: int,
        seed: Sequence[int],
        neighbours: NDArray[np.int64] | None = None,
    ) -> None:
        super().__init__(workers=1, max_queue_size=4)
        if len(degraded.song) < n_pairs:
            raise TrainingDataError(f"{len(degraded.song)} chunks are too few for batches of {n_pairs} pairs")
        self._clean, self._degraded, self._noise, self._spec, self._recipe = clean, degraded, noise, spec, recipe
        self._n, self._steps, self._seed = n_pairs, steps, list(seed)
        self._frequencies = mel_frequencies(spec)
        self._neighbours = neighbours
        ends = noise.starts[1:] - spec.n_frames + 1
        self._noise_starts = np.concatenate([np.arange(*edges) for edges in zip(noise.starts, ends, strict=False)])
        if not len(self._noise_starts):
            raise TrainingDataError(f"no noise is as long as a fragment, {spec.fragment_s:.2f} s")
        self._chunks_of = [np.flatnonzero(degraded.song == song) for song in range(len(clean.starts) - 1)]

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Any:
        rng = np.random.default_rng([*self._seed, step])
        chunk, frame = self._draw(rng)
        heard, noise = self._recorded(chunk, frame, rng)
        anchors, at = self._anchors(chunk, frame, rng)
        one = self._same_sound(anchors, self._degraded.song[chunk], at)
        views = np.concatenate([anchors, standardised(np.concatenate([heard, noise]), self._spec.top_db)])
        mask(views, rng)
        alone = np.zeros((len(noise), self._n), bool)
        return views[..., None], np.concatenate([one, one, alone]).astype(np.float32)

    def _draw(self, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Chunks (n,) and frames in them (n,): half of the pairs in groups of one chunk, the others alone."""
        n_groups = self._n // (2 * GROUP)
        chunks = rng.permutation(len(self._degraded.song))[: self._n - n_groups * (GROUP - 1)]
        if self._neighbours is not None:
            self._gather(chunks[:n_groups], self._neighbours, rng)
        chunk = np.concatenate([np.repeat(chunks[:n_groups], GROUP), chunks[n_groups:]])
        return chunk, rng.integers(0, CHUNK_FRAMES - self._spec.n_frames + 1, len(chunk))

    def _gather(self, chunks: NDArray[np.int64], neighbours: NDArray[np.int64], rng: np.random.Generator) -> None:
        """In place: replace the GROUP - 1 chunks after every GROUP-th chunk by chunks of similar songs."""
        for first in range(0, len(chunks), GROUP):
            alike = rng.permutation(neighbours[self._degraded.song[chunks[first]]])
            for place, song in zip(range(first + 1, min(first + GROUP, len(chunks))), alike, strict=False):
                if len(self._chunks_of[song]):
                    chunks[place] = rng.choice(self._chunks_of[song])

    def _recorded(
        self, chunk: NDArray[np.int64], frame: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Spectrograms, Spectrograms]:
        """Views of the chunks, (n, ...), and some of the noises in them, (m, ...).

        Chunks that were not rendered as recorded get their noise and band limits here.
        """
        n, n_frames = len(chunk), self._spec.n_frames
        views = self._degraded.frames[chunk[:, None], frame[:, None] + np.arange(n_frames)].astype(np.float32)
        is_open = ~self._degraded.recorded[chunk]
        snr_db = np.where(is_open & (rng.random(n) < 0.9), rng.uniform(-9, 16, n), np.inf)
        noise = self._noise.views(rng.choice(self._noise_starts, n), n_frames)
        is_music = rng.random(n) < MUSIC_SHARE
        noise[is_music] = self._degraded.frames[rng.integers(0, len(self._degraded.song), is_music.sum()), :n_frames]
        noise += random_response_db(self._frequencies, n, rng)  # few recordings of noise, so let them vary
        views = mix_db(views, noise, snr_db)
        responses = random_response_db(self._frequencies, n, rng) * (rng.random(n) < 0.6)[:, None, None]
        if self._recipe.band_pass:
            limits = random_band_pass_db(self._frequencies, n, rng)
            responses = responses + limits * (is_open & (rng.random(n) < 0.4))[:, None, None]
        usable = np.flatnonzero(np.isfinite(snr_db) & ~is_music)
        bare = rng.permutation(usable)[: round(BARE_SHARE * n) if self._recipe.bare_noise else 0]
        return np.asarray(views + responses, np.float32), np.asarray((noise + responses)[bare], np.float32)

    def _anchors(
        self, chunk: NDArray[np.int64], frame: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Spectrograms, NDArray[np.int64]]:
        """Standardised clean views that match the chunks' frames, and the frame of the song at which each starts."""
        spec, degraded = self._spec, self._degraded
        half, hop = spec.n_frames / 2, spec.samples(spec.hop_s) / spec.hop_length
        off = rng.uniform(-hop / 2, hop / 2, len(chunk)) if self._recipe.offset else np.zeros(len(chunk))
        at = np.round(degraded.first_frame[chunk] + (frame + half) * degraded.pace[chunk] - half + off).astype(int)
        first, last = self._clean.starts[degraded.song[chunk]], self._clean.starts[degraded.song[chunk] + 1]
        start = np.clip(first + at, first, last - spec.n_frames)
        return standardised(self._clean.views(start, spec.n_frames), spec.top_db), at

    def _same_sound(self, anchors: Spectrograms, song: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n, n): true for moments of one song less than a fragment apart, and for nearly equal spectrograms."""
        near = (song[:, None] == song) & (np.abs(at[:, None] - at) < self._spec.n_frames)
        flat = anchors.reshape(len(anchors), -1)
        flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
        return np.asarray(near | (flat @ flat.T > ALIKE))
