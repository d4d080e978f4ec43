"""From folders of music, noise and impulse responses to what training and validation are fed with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songradar.ml.conditions import Surroundings
from songradar.ml.errors import TrainingDataError
from songradar.ml.files import AudioFile, audio_files
from songradar.ml.noise import draw_noise, mix_at_snr, rms
from songradar.ml.spec import AudioSpec
from songradar.ml.training.contrastive.bank import Clean, Degraded, render_clean, render_degraded
from songradar.ml.training.contrastive.config import ContrastiveConfig
from songradar.ml.training.contrastive.recordings import Part, Recordings, part_of, read_recordings, transposed
from songradar.ml.training.contrastive.retrieval import Trial, draw_trial


@dataclass(frozen=True)
class Folders:
    """Where the material comes from."""

    music: Sequence[Path]
    noise: Sequence[Path]
    responses: Sequence[Path]


@dataclass(frozen=True)
class Side:
    """What training or validation draws from: songs and what they are heard through."""

    songs: Recordings
    noises: Recordings
    surroundings: Surroundings


@dataclass(frozen=True)
class Material:
    """Frames to train on, and to validate with: `catalogue` and `trial` are of songs held out."""

    clean: Clean
    degraded: Degraded
    noise: Clean
    catalogue: Clean
    trial: Trial


def read_sides(
    folders: Folders, spec: AudioSpec, share: float, bank: Path, workers: int, advance: Callable[[], None]
) -> tuple[Side, Side]:
    """What to train and what to validate with, decoded into `bank`. Raises TrainingDataError, AudioReadError."""
    read = partial(_read_side, folders, spec, share, bank=bank, workers=workers, advance=advance)
    train = read(Part.TRAIN)
    if not train.surroundings.rooms:
        raise TrainingDataError("no impulse response of a room is left to train on")
    return train, read(Part.VALIDATION, others=train.songs.digests)


def _read_side(
    folders: Folders,
    spec: AudioSpec,
    share: float,
    part: Part,
    bank: Path,
    workers: int,
    advance: Callable[[], None],
    others: Sequence[str] = (),
) -> Side:
    def keep(name: str) -> bool:
        return part_of(name, share) == part

    rate_hz = spec.sample_rate_hz
    songs = read_recordings(folders.music, rate_hz, bank / f"{part}_songs", keep, workers, advance, others)
    noises = read_recordings(folders.noise, rate_hz, bank / f"{part}_noises", keep, workers, advance)
    responses = [file for file in audio_files(folders.responses) if isinstance(file, AudioFile) and keep(file.name)]
    waves = [noises.wave(number) for number in range(len(noises))]
    surroundings = Surroundings.read(waves, [file.path for file in responses], rate_hz)
    return Side(songs, noises, surroundings)


def names_of(folders: Folders, share: float, part: Part) -> list[str]:
    """The names of all files that belong to a part, readable or not."""
    files = audio_files([*folders.music, *folders.noise, *folders.responses])
    return sorted({file.name for file in files if isinstance(file, AudioFile) and part_of(file.name, share) == part})


def render(
    train: Side,
    validation: Side,
    spec: AudioSpec,
    config: ContrastiveConfig,
    bank: Path,
    workers: int,
    advance: Callable[[], None],
) -> Material:
    """Draw all spectrograms into `bank`, or reuse those of an earlier run with the same files and settings."""
    draw = partial(render_clean, spec=spec, workers=workers)
    songs = transposed(train.songs, config.transpositions, spec.sample_rate_hz, bank / "train_transposed")
    return Material(
        clean=draw(songs, path=bank / "clean.f16"),
        degraded=render_degraded(songs, spec, config, train.surroundings, bank / "degraded.f16", workers, advance),
        noise=draw(train.noises, path=bank / "noise.f16"),
        catalogue=draw(validation.songs, path=bank / "catalogue.f16"),
        trial=draw_trial(validation.songs, spec, validation.surroundings, config.trial_size, config.seed),
    )


def example_fragments(side: Side, spec: AudioSpec, n: int, seed: int) -> NDArray[np.float32]:
    """(n, fragment_samples) from anywhere in the songs, every second one in noise."""
    size, examples = spec.fragment_samples, []
    for number in range(n):
        rng = np.random.default_rng([seed, 2, number])
        song = int(rng.integers(len(side.songs)))
        wave = side.songs.wave(song, int(rng.integers(max(1, side.songs.lengths[song] - size))), size)
        if number % 2 and rms(wave):
            wave = mix_at_snr(wave, draw_noise(side.surroundings.noises, size, rng), float(rng.uniform(-5, 20)))
        examples.append(wave)
    return np.stack(examples)


def count_files(folders: Folders, share: float) -> int:
    """Files of music and noise that `read_sides` reads. Raises TrainingDataError when any folder holds no audio."""
    for folder in (*folders.music, *folders.noise, *folders.responses):
        if not any(isinstance(item, AudioFile) for item in audio_files([folder])):
            raise TrainingDataError(f"{folder}: holds no audio files")
    files = [*audio_files(folders.music), *audio_files(folders.noise)]
    return sum(isinstance(file, AudioFile) and part_of(file.name, share) != Part.TEST for file in files)
