"""Validation by what counts: how many recordings of songs never trained on are named, by exact search."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from songradar.ml.augmentation import at_level
from songradar.ml.conditions import CONDITIONS, PRE_ROLL_S, Surroundings, usable
from songradar.ml.errors import TrainingDataError
from songradar.ml.spec import AudioSpec
from songradar.ml.training.contrastive.bank import Clean
from songradar.ml.training.contrastive.degradation import LEVEL
from songradar.ml.training.contrastive.recordings import Recordings
from songradar.ml.training.contrastive.views import Spectrograms
from songradar.ml.training.spectrogram import log_mel, standardised

Embed = Callable[[Spectrograms], NDArray[np.float32]]
"""(N, n_frames, n_mels) standardised -> (N, dim)."""

N_STEPS = 9
"""Fragments in a query, a query hop apart: 3 s."""

QUERIED = tuple(
    c for c in CONDITIONS if not (c.aligned or c.half or c.over_talk) and (c.room or c.phone or c.snr_db not in (5, 10))
)


@dataclass(frozen=True)
class Trial:
    """Queries from held-out songs: views (Q, N_STEPS, n_frames, n_mels) float16 in dB, by condition and song (Q,)."""

    views: NDArray[np.float16]
    condition: NDArray[np.int64]
    song: NDArray[np.int64]


def draw_trial(songs: Recordings, spec: AudioSpec, surroundings: Surroundings, per_condition: int, seed: int) -> Trial:
    """Cut `per_condition` excerpts for each of QUERIED from anywhere in songs long enough."""
    rate_hz, step = spec.sample_rate_hz, spec.samples(spec.query_hop_s) // spec.hop_length
    size = spec.fragment_samples + (N_STEPS - 1) * step * spec.hop_length
    needed = round(1.1 * (size + PRE_ROLL_S * rate_hz))
    long_enough = np.flatnonzero(songs.lengths > needed)
    if not len(long_enough):
        raise TrainingDataError(f"none of the {len(songs)} songs held out is longer than {needed / rate_hz:.0f} s")
    views, condition, song = [], [], []
    possible = usable(QUERIED, surroundings)
    for kind, recorded in enumerate(QUERIED):
        if recorded not in possible:
            continue
        for number in range(per_condition):
            rng = np.random.default_rng([seed, kind, number])
            chosen = int(rng.choice(long_enough))
            start = int(rng.integers(0, songs.lengths[chosen] - needed))
            played = recorded.draw_warp(rng).apply(at_level(songs.wave(chosen, start, needed), LEVEL), rate_hz)
            frames = log_mel(recorded.record(played, size, rate_hz, surroundings, rng), spec).astype(np.float16)
            views.append([frames[i * step : i * step + spec.n_frames] for i in range(N_STEPS)])
            condition.append(kind)
            song.append(chosen)
    return Trial(np.array(views), np.array(condition), np.array(song))


def hit_rates(embed: Embed, catalogue: Clean, trial: Trial, spec: AudioSpec) -> dict[str, float]:
    """Share of queries whose song comes first, by condition: from one fragment (1 s) and from all of them (3 s)."""
    right_1, right_3 = named_rightly(embed, catalogue, trial, spec)
    rates = {}
    for kind in np.unique(trial.condition):
        condition, chosen = QUERIED[kind], trial.condition == kind
        rates[f"{condition.name}, 1 s"] = float(right_1[chosen].mean())
        rates[f"{condition.name}, 3 s"] = float(right_3[chosen].mean())
    return rates


def named_rightly(embed: Embed, catalogue: Clean, trial: Trial, spec: AudioSpec) -> NDArray[np.bool_]:
    """(2, Q) whether each query's song comes first: from its first fragment, 1 s, and from all of them, 3 s."""
    references, owner = _reference(embed, catalogue, spec)
    queries = embed(standardised(trial.views.reshape(-1, *trial.views.shape[2:]).astype(np.float32), spec.top_db))
    queries = queries.reshape(*trial.views.shape[:2], -1)
    n_phases = round(spec.hop_s / spec.query_hop_s)
    found_1 = owner[np.argmax(queries[:, 0] @ references.T, axis=1)]
    found_3 = owner[[_best_start(query, references, n_phases) for query in queries]]
    return np.stack([found_1, found_3]) == trial.song


def _reference(embed: Embed, catalogue: Clean, spec: AudioSpec) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Embeddings of all fragments (R, dim), with N_STEPS zero rows after each song so that no query fits across two.

    Also returns the number of the song that each row belongs to, (R,).
    """
    hop = spec.samples(spec.hop_s) // spec.hop_length
    parts: list[NDArray[np.float32]] = []
    owner: list[int] = []
    for song, (first, last) in enumerate(zip(catalogue.starts, catalogue.starts[1:], strict=False)):
        starts = np.arange(first, last - spec.n_frames + 1, hop)
        if len(starts):
            parts.append(embed(standardised(catalogue.views(starts, spec.n_frames), spec.top_db)))
        parts.append(np.zeros((N_STEPS, spec.dim), np.float32))
        owner += [song] * (len(starts) + N_STEPS)
    return np.concatenate(parts), np.array(owner)


def _best_start(query: NDArray[np.float32], references: NDArray[np.float32], n_phases: int) -> int:
    """The row where the query fits best: the highest mean similarity of successive fragments, one hop apart."""
    similarities = query @ references.T
    best: list[tuple[float, int]] = []
    for phase in range(n_phases):
        rows = similarities[phase::n_phases]
        n_starts = rows.shape[1] - len(rows) + 1
        in_line = np.mean([row[i : i + n_starts] for i, row in enumerate(rows)], axis=0)
        best.append((float(in_line.max()), int(in_line.argmax())))
    return max(best)[1]


def nearest_songs(embed: Embed, clean: Clean, spec: AudioSpec, k: int) -> NDArray[np.int64]:
    """(songs, k) the songs whose mean embeddings are nearest to each song's."""
    owner, embeddings = spread_embeddings(embed, clean, spec)
    means = np.zeros((len(clean.starts) - 1, embeddings.shape[1]), np.float32)
    np.add.at(means, owner, embeddings)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
    similarities = means @ means.T
    np.fill_diagonal(similarities, -np.inf)
    return np.argsort(-similarities, axis=1)[:, :k]


def spread_embeddings(embed: Embed, clean: Clean, spec: AudioSpec) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For fragments every 5 s of all songs: the number of the song (N,) and the embeddings (N, dim)."""
    stride = round(5 * spec.sample_rate_hz / spec.hop_length)
    last = clean.starts[1:] - spec.n_frames + 1
    starts = [np.arange(*edges, stride) for edges in zip(clean.starts, last, strict=False)]
    owner = np.repeat(np.arange(len(starts)), [len(mine) for mine in starts])
    first = np.concatenate(starts)
    parts = [
        embed(standardised(clean.views(first[i : i + 512], spec.n_frames), spec.top_db))
        for i in range(0, len(first), 512)
    ]
    return owner, np.concatenate(parts)


def mean_rate(rates: dict[str, float]) -> float:
    """The mean over all conditions and lengths: one number to choose the best epoch by."""
    return float(np.mean(list(rates.values())))
