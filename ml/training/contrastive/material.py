"""From folders of music, noise and impulse responses to what training and validation are fed with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ml.conditions import Surroundings
from ml.errors import TrainingDataError
from ml.files import AudioFile, audio_files
from ml.spec import AudioSpec
from ml.training.contrastive.bank import Clean, Degraded, render_clean, render_degraded
from ml.training.contrastive.config import ContrastiveConfig
from ml.training.contrastive.recordings import Recordings, is_held_out, read_recordings, transposed
from ml.training.contrastive.retrieval import Trial, draw_trial


@dataclass(frozen=True)
class Folders:
    """Where the material comes from."""

    music: Sequence[Path]
    noise: Sequence[Path]
    responses: Sequence[Path]


@dataclass(frozen=True)
class Side:
    """One side of the split, training or validation: songs and what they are heard through."""

    songs: Recordings
    noises: Recordings
    around: Surroundings
    response_names: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The names of all its files."""
        return sorted([*self.songs.names, *self.noises.names, *self.response_names])


@dataclass(frozen=True)
class Material:
    """Frames to train on, and to validate with: `catalogue` and `trial` are of songs kept from training."""

    clean: Clean
    degraded: Degraded
    noise: Clean
    catalogue: Clean
    trial: Trial


def read_sides(
    folders: Folders, spec: AudioSpec, share: float, bank: Path, workers: int, advance: Callable[[], None]
) -> tuple[Side, Side]:
    """Training's side and the one held out, decoded into `bank`. Raises TrainingDataError, AudioReadError."""
    read = partial(_read_side, folders, spec, bank=bank, workers=workers, advance=advance)
    train = read(lambda name: not is_held_out(name, share), name="train")
    return train, read(lambda name: is_held_out(name, share), name="held_out", others=train.songs.digests)


def _read_side(
    folders: Folders,
    spec: AudioSpec,
    keep: Callable[[str], bool],
    name: str,
    bank: Path,
    workers: int,
    advance: Callable[[], None],
    others: Sequence[str] = (),
) -> Side:
    rate_hz = spec.sample_rate_hz
    songs = read_recordings(folders.music, rate_hz, bank / f"{name}_songs", keep, workers, advance, others)
    noises = read_recordings(folders.noise, rate_hz, bank / f"{name}_noises", keep, workers, advance)
    responses = [file for file in audio_files(folders.responses) if isinstance(file, AudioFile) and keep(file.name)]
    waves = [noises.wave(number) for number in range(len(noises))]
    around = Surroundings.read(waves, [file.path for file in responses], rate_hz)
    return Side(songs, noises, around, tuple(file.name for file in responses))


def render(
    train: Side,
    held_out: Side,
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
        degraded=render_degraded(songs, spec, config, train.around, bank / "degraded.f16", workers, advance),
        noise=draw(train.noises, path=bank / "noise.f16"),
        catalogue=draw(held_out.songs, path=bank / "catalogue.f16"),
        trial=draw_trial(held_out.songs, spec, held_out.around, config.trial_size, config.seed),
    )


def count_files(folders: Folders) -> int:
    """Audio files in the folders of music and noise. Raises TrainingDataError when one holds none."""
    total = 0
    for folder in (*folders.music, *folders.noise):
        count = sum(isinstance(item, AudioFile) for item in audio_files([folder]))
        if not count:
            raise TrainingDataError(f"{folder}: holds no audio files")
        total += count
    return total
