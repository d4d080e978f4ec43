"""A folder of music as pictures of fragments on disk, and the split into training and validation."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from songradar.ml.audio import decode, level_dbfs, windows
from songradar.ml.errors import AudioReadError, TrainingDataError
from songradar.ml.files import AudioFile, Failure, sha256
from songradar.ml.spec import AudioSpec
from songradar.ml.training.cache import rendered
from songradar.ml.training.spectrogram import mel_image

Images = NDArray[np.uint8]
"""(F, n_mels, n_frames): 0 = 80 dB below the fragment's loudest cell, 255 = that cell, as in a picture file."""


@dataclass(frozen=True)
class TrainingSong:
    """One song of the training set; its fragments are `images[first : first + n_fragments]`."""

    source: str
    sha256: str
    first: int
    n_fragments: int


@dataclass(frozen=True)
class Dataset:
    """All fragments of all songs; `images` is mapped from disk, so its size is bounded by the disk only."""

    images: Images
    songs: tuple[TrainingSong, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Fragment numbers by song.

    `train` and `fragments` have fragments of the same songs (the article's split). `songs` has those of other songs,
    and `apart` the numbers of these songs in the dataset.
    """

    train: list[NDArray[np.int64]]
    fragments: list[NDArray[np.int64]]
    songs: list[NDArray[np.int64]]
    apart: list[int]


def render(
    found: Sequence[AudioFile | Failure],
    spec: AudioSpec,
    folder: Path,
    workers: int,
    advance: Callable[[], None] = lambda: None,
) -> Dataset:
    """Draw every audible fragment of the files into `folder`, or reuse what an earlier run with the same files drew.

    Two files with the same bytes count as one song, as they must not form a pair of different songs. `advance` is
    called after each file. Raises TrainingDataError when fewer than four songs are left.
    """
    key = [spec.as_dict(), [[f.source, f.size, str(f.modified_at)] for f in found if isinstance(f, AudioFile)]]
    path = folder / "images.u8"
    known = rendered(path, key, lambda out: _render_all(found, spec, out, workers, advance))
    songs_read = tuple(TrainingSong(**song) for song in known["songs"])
    if len(songs_read) < 4:
        raise TrainingDataError(f"{len(songs_read)} usable songs; training needs at least 4")
    shape = (sum(song.n_fragments for song in songs_read), spec.n_mels, spec.n_frames)
    images = np.memmap(path, np.uint8, "r", shape=shape)
    return Dataset(images, songs_read, tuple(known["failures"]))


def _render_all(
    found: Sequence[AudioFile | Failure], spec: AudioSpec, out: IO[bytes], workers: int, advance: Callable[[], None]
) -> dict[str, Any]:
    songs: list[TrainingSong] = []
    failures = [str(item) for item in found if isinstance(item, Failure)]
    seen: set[str] = set()
    files = [item for item in found if isinstance(item, AudioFile)]
    with ThreadPoolExecutor(workers) as pool:
        for file, result in zip(files, pool.map(lambda file: _render_one(file, spec), files), strict=True):
            advance()
            if isinstance(result, AudioReadError):
                failures.append(str(result))
                continue
            digest, images = result
            if digest in seen or not len(images):
                continue
            seen.add(digest)
            first = songs[-1].first + songs[-1].n_fragments if songs else 0
            songs.append(TrainingSong(file.source, digest, first, len(images)))
            out.write(images.tobytes())
    return {"songs": [asdict(song) for song in songs], "failures": failures}


def _render_one(file: AudioFile, spec: AudioSpec) -> tuple[str, Images] | AudioReadError:
    try:
        return sha256(file.path).hex(), np.array(list(_images(file, spec)), np.uint8)
    except AudioReadError as error:
        return error


def _images(file: AudioFile, spec: AudioSpec) -> Iterator[Images]:
    cut = windows(decode(file.path, spec.sample_rate_hz), spec.fragment_samples, spec.samples(spec.hop_s))
    for window in cut:
        if level_dbfs(window) > spec.silence_dbfs:
            yield np.round(mel_image(window, spec) * 255).astype(np.uint8)


def split(songs: Sequence[TrainingSong], share: float, rng: np.random.Generator) -> Split:
    """Keep `share` of the songs, and of each other song's fragments if it has four, for validation.

    The article splits fragments, so that it validates with other moments of the training songs. The songs held out
    here show how well the encoder does on music that it was not trained on.
    """
    order = rng.permutation(len(songs))
    n_apart = max(2, round(share * len(songs)))
    apart = order[:n_apart].tolist()
    result = Split([], [], [_numbers(songs[i]) for i in apart], apart)
    for i in order[n_apart:]:
        numbers = rng.permutation(_numbers(songs[i]))
        n_kept = max(2, round(share * len(numbers))) if len(numbers) >= 4 else 0  # a pair takes two
        result.fragments.append(np.sort(numbers[:n_kept]))
        result.train.append(np.sort(numbers[n_kept:]))
    return result


def _numbers(song: TrainingSong) -> NDArray[np.int64]:
    return np.arange(song.first, song.first + song.n_fragments)
