"""How well long recordings are named: mixes of which it is known what plays when, in a temporary catalogue."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TypeAlias

import numpy as np

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.evaluate import absent_songs, audio_in, distinct, fill, known_songs, read_surroundings
from songradar.events import Listener, Note, counter, ignore
from songradar.ml.audio import Wave, excerpt, read_audio, write_wav, write_wav_blocks
from songradar.ml.conditions import Surroundings
from songradar.ml.errors import AudioReadError, TrainingDataError
from songradar.ml.files import AudioFile, path_of, stat
from songradar.ml.grading import Grade, Heard, grade, place_s
from songradar.ml.mixes import LEAST_SONG_S, RECIPES, Kind, Mix, Part, Recipe, Truth, audible_part, plan
from songradar.ml.mixing import sound
from songradar.ml.outcomes import sound_alike
from songradar.ml.package import EncoderPackage
from songradar.ml.queries import RATE_HZ, SourceSong
from songradar.naive_scan import naive_scan
from songradar.scan import ScanOptions, scan
from songradar.timeline import Playing

Way: TypeAlias = Callable[[Catalogue, Path, LoadedEncoder], Iterable[Playing]]
"""Names the songs of a long recording."""


def scan_with(catalogue: Catalogue, recording: Path, encoder: LoadedEncoder) -> Iterator[Playing]:
    """What `songradar scan` hears."""
    return scan(catalogue, recording, ScanOptions(encoder.name, keep=False))


WAYS: Mapping[str, Way] = {"songradar scan": scan_with, "every 5 s": naive_scan}
"""What is compared, by name."""

JINGLES = 0.07
"""Share of the songs that are cut up for the jingles of a recipe, and not played themselves."""

COMPARED_S = 5.0
"""Seconds of two songs that are compared to find out whether they sound the same."""


@dataclass(frozen=True)
class ScanEvaluationOptions:
    """What to evaluate on: `mixes` of each recipe, out of `music`.

    `absent` is the share of `music` that the catalogue does not hold; `distractors` are songs that it holds and that
    are never played. `noise` and `responses` are folders; `only` names the files to use [all]. Mixes are named in the
    `ways`, some of WAYS.
    """

    music: Sequence[Path]
    distractors: Sequence[Path] = ()
    noise: Sequence[Path] = ()
    responses: Sequence[Path] = ()
    only: frozenset[str] | None = None
    mixes: int = 1
    ways: Sequence[str] = tuple(WAYS)
    absent: float = 0.2
    recipes: Sequence[Recipe] = RECIPES
    workers: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Result:
    """What one way made of the mixes of a recipe, and how long it took."""

    grade: Grade = field(default_factory=Grade)
    seconds: float = 0.0

    def __add__(self, other: "Result") -> "Result":
        return Result(self.grade + other.grade, self.seconds + other.seconds)

    @property
    def speed(self) -> float:
        """Seconds of recording named in a second."""
        return self.grade.duration_s / max(1e-9, self.seconds)


@dataclass(frozen=True)
class ScanEvaluation:
    """Results by recipe and way, and how many songs there were."""

    n_songs: int
    n_distractors: int
    n_absent: int
    n_jingles: int
    seed: int
    results: Mapping[str, Mapping[str, Result]]


@dataclass(frozen=True)
class Studio:
    """A temporary catalogue, and all that mixes are made of: what can be played of its songs, of others, of jingles."""

    catalogue: Catalogue
    encoder: LoadedEncoder
    parts: Sequence[Part]
    jingles: Mapping[str, Sequence[Part]]
    surroundings: Surroundings
    n_distractors: int

    @property
    def n_absent(self) -> int:
        return sum(part.song.is_absent for part in self.parts)

    def mix(self, recipe: Recipe, seed: Sequence[int]) -> Mix:
        """One of the mixes that can be made."""
        return plan(recipe, [*self.parts, *self.jingles[recipe.name]], seed)

    def sound(self, mix: Mix) -> Iterator[Wave]:
        """A mix at RATE_HZ, in blocks."""
        return sound(mix, self.surroundings)


@contextmanager
def studio(package: EncoderPackage, options: ScanEvaluationOptions, listen: Listener = ignore) -> Iterator[Studio]:
    """Fill a temporary catalogue for the length of a block. Raises TrainingDataError where there is nothing to mix."""
    found = distinct(audio_in(options.music, options.only, listen), listen=listen)
    others = distinct(audio_in(options.distractors, None, listen), found, listen)
    surroundings = read_surroundings(options.noise, options.responses, options.only, listen)
    with Catalogue.temporary() as catalogue, tempfile.TemporaryDirectory(prefix="songradar-jingles-") as folder:
        cast = assign(found, options, Path(folder), listen)
        jingles = [file for files in cast.jingles.values() for file in files]
        known = [file.path for file in (*cast.present, *jingles, *others)]
        encoder = fill(catalogue, package, known, options.workers, listen)
        parts = playable(known_songs(catalogue, cast.present) + absent_songs(cast.missing, listen))
        if not parts:
            raise TrainingDataError(f"no song can be heard for {LEAST_SONG_S:g} s, which is the least to be played")
        calls = {name: playable(known_songs(catalogue, files), Kind.JINGLE) for name, files in cast.jingles.items()}
        yield Studio(catalogue, encoder, parts, calls, surroundings, len(others))


def evaluate_scan(package: EncoderPackage, options: ScanEvaluationOptions, listen: Listener = ignore) -> ScanEvaluation:
    """Fill a temporary catalogue, make mixes, and name what plays in them.

    Raises TrainingDataError where there is nothing to mix.
    """
    results = {recipe.name: {name: Result() for name in options.ways} for recipe in options.recipes}
    with studio(package, options, listen) as made, tempfile.TemporaryDirectory(prefix="songradar-mixes-") as folder:
        recording = Path(folder) / "mix.wav"
        advance = counter("scanning", len(options.recipes) * options.mixes * len(options.ways), listen)
        for recipe, number in product(options.recipes, range(options.mixes)):
            mix = made.mix(recipe, [options.seed, options.recipes.index(recipe), number])
            write_wav_blocks(made.sound(mix), RATE_HZ, recording)
            for name in options.ways:
                results[recipe.name][name] += timed(mix, WAYS[name], made.catalogue, recording, made.encoder)
                advance()
    n_present, n_jingles = len(made.parts) - made.n_absent, sum(map(len, made.jingles.values()))
    return ScanEvaluation(n_present, made.n_distractors, made.n_absent, n_jingles, options.seed, results)


@dataclass(frozen=True)
class Cast:
    """Which files the catalogue holds, which it does not hold, and the jingles of each recipe, which it holds, too."""

    present: Sequence[AudioFile]
    missing: Sequence[AudioFile]
    jingles: Mapping[str, Sequence[AudioFile]]


def assign(files: Sequence[AudioFile], options: ScanEvaluationOptions, folder: Path, listen: Listener) -> Cast:
    """Draw who plays what; the jingles are cut from songs that are not played otherwise, and written to `folder`.

    Raises TrainingDataError where no song is left for the catalogue.
    """
    shuffled = [files[i] for i in np.random.default_rng(options.seed).permutation(len(files))]
    n_absent, n_cut = round(options.absent * len(files)), round(JINGLES * len(files))
    missing, rest = shuffled[:n_absent], shuffled[n_absent:]
    jingles: dict[str, list[AudioFile]] = {}
    for recipe in options.recipes:
        cut_up, rest = rest[:n_cut], rest[n_cut:]
        jingles[recipe.name] = [
            jingle
            for number, file in enumerate(cut_up)
            if (jingle := write_jingle(file, recipe, folder / f"{recipe.name} {number}.wav", options.seed, listen))
        ]
    if not rest:
        raise TrainingDataError("no song is left to be played")
    return Cast(rest, missing, jingles)


def write_jingle(file: AudioFile, recipe: Recipe, path: Path, seed: int, listen: Listener) -> AudioFile | None:
    """A few seconds out of a song, as a song of its own; None where it cannot be read."""
    rng = np.random.default_rng([seed, *path.name.encode()])
    try:
        part = audible_part(SourceSong(file.path, file.source, 0.0), Kind.JINGLE)
        wave = read_audio(file.path, RATE_HZ)
    except AudioReadError as error:
        listen(Note(str(error)))
        return None
    seconds = rng.uniform(*recipe.jingles_s)
    if part is None or part.to_s - part.from_s < seconds:
        return None
    start_s = rng.uniform(part.from_s, part.to_s - seconds)
    write_wav(excerpt(wave, round(start_s * RATE_HZ), round(seconds * RATE_HZ)), RATE_HZ, path)
    written = stat(path)
    return written if isinstance(written, AudioFile) else None


def playable(songs: Sequence[SourceSong], kind: Kind = Kind.SONG) -> list[Part]:
    """What of the songs can be played."""
    return [part for song in songs if (part := audible_part(song, kind)) is not None]


def timed(mix: Mix, way: Way, catalogue: Catalogue, recording: Path, encoder: LoadedEncoder) -> Result:
    """Name what is heard in a mix, and compare it with what plays."""
    started = time.perf_counter()
    heard = list(way(catalogue, recording, encoder))
    seconds = time.perf_counter() - started
    return Result(grade(mix.truths, heard, mix.duration_s, alike), seconds)


def alike(truth: Truth, heard: Heard, start_s: float, end_s: float) -> bool:
    """Whether what plays sounds the same as what is named for it, from one time of the mix to another."""
    seconds = min(COMPARED_S, end_s - start_s)
    middle_s = (start_s + end_s - seconds) / 2
    plays_s = truth.song_start_s + (middle_s - truth.start_s) * truth.speed
    named_s = place_s(heard, np.array([middle_s])).item()
    return sound_alike(_sound_of(truth.path), plays_s, _sound_of(path_of(heard.source or "")), named_s, seconds)


@lru_cache(maxsize=4)
def _sound_of(path: Path) -> Wave:
    return read_audio(path, RATE_HZ)
