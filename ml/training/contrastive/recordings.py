"""Folders of recordings as samples on disk, and which of them training never hears."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.audio import Wave, read_audio
from ml.errors import AudioReadError, TrainingDataError
from ml.files import AudioFile, Failure, audio_files

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
        start, stop = (min(max(edge, 0), int(self.lengths[number])) for edge in (first, first + size))
        piece = np.zeros(size, np.float32)
        inside = self.samples[self.starts[number] + start : self.starts[number] + stop]
        piece[start - first : start - first + len(inside)] = inside / np.float32(FULL_SCALE)
        return piece


def is_held_out(name: str, share: float) -> bool:
    """Whether a file is kept from training: decided by its name alone.

    So every run, on any machine and with any other files, keeps the same ones: an encoder can be evaluated on them,
    and trained again on more music, without ever having heard them.
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) < share * 2**64


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

    Two files with the same samples count once: they must never be called different. Nor does one that is among
    `others`, digests of samples, count: what is trained on cannot be held out. `advance` is called after each file.
    Raises TrainingDataError when nothing is left.
    """
    found = list(audio_files(folders))
    files = [item for item in found if isinstance(item, AudioFile) and keep(item.path.name)]
    key = [rate_hz, list(others), [[file.path.name, file.size, str(file.modified_at)] for file in files]]
    data, index = target.with_suffix(".i16"), target.with_suffix(".i16.json")
    known = json.loads(index.read_text()) if index.exists() else {}
    if known.get("key") != key:
        index.unlink(missing_ok=True)  # from here on the samples are not what it says
        known = {"key": key, **_decode_all(files, rate_hz, data, workers, advance, others)}
        known["failures"] = [str(item) for item in found if isinstance(item, Failure)] + known["failures"]
        index.write_text(json.dumps(known))
    if not known["names"]:
        raise TrainingDataError(f"{', '.join(map(str, folders))}: no recording that can be used for this")
    starts = np.array(known["starts"], np.int64)
    samples = np.memmap(data, np.int16, "r", shape=(int(starts[-1]),))
    return Recordings(tuple(known["names"]), tuple(known["digests"]), starts, samples, tuple(known["failures"]))


def _decode_all(
    files: Sequence[AudioFile],
    rate_hz: int,
    data: Path,
    workers: int,
    advance: Callable[[], None],
    others: Sequence[str],
) -> dict[str, list[str] | list[int]]:
    def decode_one(file: AudioFile) -> NDArray[np.int16] | AudioReadError:
        try:
            return np.round(np.clip(read_audio(file.path, rate_hz), -1, 1) * FULL_SCALE).astype(np.int16)
        except AudioReadError as error:
            return error

    names: list[str] = []
    digests: list[str] = []
    starts, failures = [0], []
    with ThreadPoolExecutor(workers) as pool, data.open("wb") as out:
        for file, result in zip(files, pool.map(decode_one, files), strict=True):
            advance()
            if isinstance(result, AudioReadError):
                failures.append(str(result))
                continue
            digest = hashlib.sha256(result.tobytes()).hexdigest()
            if digest in digests or digest in others or not result.any():
                continue
            digests.append(digest)
            out.write(result.tobytes())
            names.append(file.path.name)
            starts.append(starts[-1] + len(result))
    return {"names": names, "digests": digests, "starts": starts, "failures": failures}
