"""Real embeddings, as many as one wants: of songs, of the same songs at other speeds, and of mixtures of these.

A song played a few semitones faster or slower is another song to the encoder, which follows a few per cent of speed.
Two such songs mixed half and half, fragment by fragment, are a third. Songs that queries are cut from take no part in
any of this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songradar.ml.audio import Wave, read_audio, resample
from songradar.ml.augmentation import change_speed
from songradar.ml.conditions import CONDITIONS, Surroundings, usable
from songradar.ml.encoder import Encoder, Fingerprint
from songradar.ml.errors import AudioError
from songradar.ml.mixtures import mixture
from songradar.ml.queries import RATE_HZ, SourceSong, make_queries, plan

SEMITONES = (-5, -2, 3)
"""How far the other versions of a song are from it, and at least two from each other."""

MAX_S = 300.0
"""Seconds of a song that are used."""

ASKED_SHARE = 0.15
"""Share of the songs that queries are cut from."""

Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """What a catalogue is made of: the songs asked for, and (F, 64) embeddings of the versions of the others."""

    asked: list[tuple[SourceSong, Embeddings]]
    versions: list[Embeddings]


@dataclass(frozen=True)
class Asked:
    """A query's fragments, and the number in `Material.asked` of the song it is a piece of."""

    condition: str
    seconds: float
    song: int
    fingerprint: Fingerprint


def read_material(paths: Sequence[Path], encoder: Encoder, seed: int) -> Material:
    """Decode and encode every song, those that nobody asks for at four speeds; files without audio are left out."""
    rng = np.random.default_rng(seed)
    asked: list[tuple[SourceSong, Embeddings]] = []
    versions: list[Embeddings] = []
    chosen = set(rng.permutation(len(paths))[: max(2, round(ASKED_SHARE * len(paths)))].tolist())
    rate_hz = encoder.spec.sample_rate_hz
    for number, path in enumerate(paths):
        try:
            wave = read_audio(path, rate_hz, round(MAX_S * rate_hz))[: round(MAX_S * rate_hz)]
            found = [whole(encoder, wave)]
            if number in chosen:
                asked.append((SourceSong(path, str(path), len(wave) / rate_hz), found[0]))
                continue
            found += [whole(encoder, change_speed(wave, rate_hz, 2 ** (n / 12))) for n in SEMITONES]
        except AudioError:
            continue
        versions += found
    return Material(asked, versions)


def whole(encoder: Encoder, wave: Wave) -> Embeddings:
    """(F, 64), every fragment in its place; silent ones are the last audible one again. Raises AudioError."""
    fingerprint = encoder.fingerprint_song(iter([wave]))
    rows = np.searchsorted(fingerprint.positions, np.arange(fingerprint.positions[-1] + 1), side="right") - 1
    return np.asarray(fingerprint.embeddings[np.maximum(rows, 0)], np.float32)


def songs(material: Material, seed: int) -> Iterator[Embeddings]:
    """Embeddings of song after song, without end: those asked for, all versions, then mixtures of two versions."""
    yield from (embeddings for _, embeddings in material.asked)
    yield from material.versions
    rng = np.random.default_rng(seed)
    while True:
        one, other = rng.choice(len(material.versions), 2, replace=False)
        yield mixture(material.versions[one], material.versions[other], rng)


def queries(
    material: Material, encoder: Encoder, around: Surroundings, seconds: Sequence[float], per_cell: int, seed: int
) -> list[Asked]:
    """`per_cell` recordings for each length and each condition that songs are evaluated under, but from their start."""
    numbers = {song.source: number for number, (song, _) in enumerate(material.asked)}
    conditions = [condition for condition in usable(CONDITIONS, around) if not condition.aligned]
    cuts = plan([song for song, _ in material.asked], conditions, seconds, per_cell, [seed])
    found = []
    for query in make_queries(cuts, around):
        wave = resample(query.wave, RATE_HZ, encoder.spec.sample_rate_hz)
        try:
            fingerprint = encoder.fingerprint_query(iter([wave]))
        except AudioError:
            continue
        found.append(Asked(query.condition, query.seconds, numbers[query.source], fingerprint))
    return found
