"""Folders of recordings as samples on disk, and what each of them is for."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from songradar.ml.audio import Wave, excerpt, read_audio
from songradar.ml.augmentation import change_speed
from songradar.ml.errors import AudioReadError, TrainingDataError
from songradar.ml.files import AudioFile, Failure, audio_files
from songradar.ml.training.cache import rendered

FULL_SCALE = 32767.0


@dataclass(frozen=True)
class Recordings:
    """Recordings end to end in `samples`, int16, mapped from disk: number i is `samples[starts[i] : starts[i + 1]]`."""

    names: tuple[str, ...]
    digests: tuple[str, ...]
    starts: NDArray[np.int64]
    samples: NDArray[np.int16]
    failures: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def digest(self) -> str:
        """What identifies the set: names and samples."""
        return hashlib.sha256(repr((self.names, self.digests)).encode()).hexdigest()

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) samples in each recording."""
        return np.diff(self.starts)

    def wave(self, number: int, first: int = 0, size: int | None = None) -> Wave:
        """`size` samples from `first` on, float32; what lies outside the recording is silence."""
        size = int(self.lengths[number]) - first if size is None else size
        samples = self.samples[self.starts[number] : self.starts[number + 1]]
        return excerpt(samples, first, size).astype(np.float32) / FULL_SCALE


class Part(StrEnum):
    """What a file is for: to train on; to choose the best epoch by and to calibrate with; to evaluate on at the end."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


def part_of(name: str, held_out_share: float) -> Part:
    """Which part a file belongs to, by its name alone. Of those held out from training, half are for the test.

    Thus every run holds out the same files, on any machine and whatever other files there are. An encoder can be
    trained again on more music and still be evaluated on files that it was never trained on.
    """
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
    if place < held_out_share / 2:
        return Part.TEST
    return Part.VALIDATION if place < held_out_share else Part.TRAIN


def read_recordings(
    folders: Sequence[Path],
    rate_hz: int,
    target: Path,
    keep: Callable[[str], bool],
    workers: int,
    advance: Callable[[], None] = lambda: None,
    others: Sequence[str] = (),
) -> Recordings:
    """Decode the audio files under `folders` whose name `keep` approves into `target`.i16, or reuse what lies there.

    Of files with the same samples, only the first is kept, as they must not become negatives of each other. Files
    whose digest of samples is in `others` are left out, as training songs cannot be held out. `advance` is called
    after each file.
    Raises TrainingDataError when nothing is left.
    """
    found = list(audio_files(folders))
    files = [item for item in found if isinstance(item, AudioFile) and keep(item.name)]
    key = [rate_hz, list(others), [[file.name, file.size, str(file.modified_at)] for file in files]]

    def decode_one(file: AudioFile) -> _Named | AudioReadError:
        try:
            return file.name, read_audio(file.path, rate_hz)
        except AudioReadError as error:
            return error

    def decoded() -> Iterator[_Named | AudioReadError]:
        with ThreadPoolExecutor(workers) as pool:
            for result in pool.map(decode_one, files):
                advance()
                yield result

    recordings = _kept(target, key, decoded, others)
    if not len(recordings):
        raise TrainingDataError(f"{', '.join(map(str, folders))}: no recording that can be used for this")
    unread = tuple(str(item) for item in found if isinstance(item, Failure))
    return replace(recordings, failures=unread + recordings.failures)


def transposed(songs: Recordings, semitones: Sequence[float], rate_hz: int, target: Path) -> Recordings:
    """The songs, and for each of `semitones` a copy of each, played higher and faster, that counts as another song.

    As the encoder is to tell versions a semitone apart, these copies serve as additional music.
    """
    if not semitones:
        return songs

    def played() -> Iterator[_Named]:
        for number, name in enumerate(songs.names):
            yield name, songs.wave(number)
            for step in semitones:
                yield f"{name} {step:+g}", change_speed(songs.wave(number), rate_hz, 2 ** (step / 12))

    return replace(_kept(target, [list(semitones), songs.digest], played), failures=songs.failures)


_Named = tuple[str, Wave]


def _kept(
    target: Path,
    key: list[Any],
    produce: Callable[[], Iterator[_Named | AudioReadError]],
    others: Sequence[str] = (),
) -> Recordings:
    """What `produce` yields, written to `target`.i16; or what lies there, if it was written for the same `key`."""
    data = target.with_suffix(".i16")

    def render(out: IO[bytes]) -> dict[str, Any]:
        names, digests, starts, failures = [], list[str](), [0], []
        for result in produce():
            if isinstance(result, AudioReadError):
                failures.append(str(result))
                continue
            name, wave = result
            samples = np.round(np.clip(wave, -1, 1) * FULL_SCALE).astype(np.int16)
            digest = hashlib.sha256(samples.tobytes()).hexdigest()
            if digest in digests or digest in others or not samples.any():
                continue
            out.write(samples.tobytes())
            names.append(name)
            digests.append(digest)
            starts.append(starts[-1] + len(samples))
        return {"names": names, "digests": digests, "starts": starts, "failures": failures}

    known = rendered(data, key, render)
    starts = np.array(known["starts"], np.int64)
    samples = np.memmap(data, np.int16, "r", shape=(int(starts[-1]),)) if starts[-1] else np.zeros(0, np.int16)
    return Recordings(tuple(known["names"]), tuple(known["digests"]), starts, samples, tuple(known["failures"]))
