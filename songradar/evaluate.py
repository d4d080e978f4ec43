"""How often encoders name recordings rightly, through the real search path, in a temporary catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from songradar.catalogue import Catalogue, LoadedEncoder, add_package
from songradar.db.songs import songs
from songradar.events import Listener, Note, ignore
from songradar.examine import Examiner, examine
from songradar.filler import add_filler
from songradar.ingest import IngestOptions, ingest
from songradar.ml.audio import read_audio
from songradar.ml.conditions import CONDITIONS, Condition, Surroundings, usable
from songradar.ml.errors import AudioReadError, TrainingDataError
from songradar.ml.files import AudioFile, Failure, audio_files, sha256
from songradar.ml.noise import read_noises
from songradar.ml.outcomes import Outcome
from songradar.ml.package import EncoderPackage
from songradar.ml.queries import RATE_HZ, SourceSong, questions


@dataclass(frozen=True)
class EvaluationOptions:
    """What to evaluate on. For each condition and length in `seconds`, `per_condition` pieces of `music` are recorded.

    `absent` is the share of `music` that the catalogue does not hold; `distractors` are songs that it holds and of
    which no piece is recorded; `filler` mixtures of two distractors each are added to it.

    `noise` and `responses` are folders of noises and impulse responses; `only` names the files to use [all].
    """

    music: Sequence[Path]
    distractors: Sequence[Path] = ()
    filler: int = 0
    noise: Sequence[Path] = ()
    responses: Sequence[Path] = ()
    only: frozenset[str] | None = None
    seconds: Sequence[float] = (1, 2, 3, 5, 10)
    per_condition: int = 100
    absent: float = 0.2
    workers: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Evaluation:
    """Outcomes by encoder, less the ambiguous ones, and how many songs there were."""

    n_songs: int
    n_distractors: int
    n_absent: int
    seed: int
    outcomes: Mapping[str, Sequence[Outcome]] = field(default_factory=dict)


def evaluate(encoders: Sequence[EncoderPackage], options: EvaluationOptions, listen: Listener = ignore) -> Evaluation:
    """Fill a temporary catalogue, record pieces of songs under named conditions, and search for these.

    Raises TrainingDataError where there is nothing to evaluate on.
    """
    if len({package.name for package in encoders}) < len(encoders):
        raise TrainingDataError("two encoders of one name cannot be evaluated together")
    found = distinct(audio_in(options.music, options.only, listen), listen=listen)
    if not found:
        raise TrainingDataError("no song is left to evaluate on")
    surroundings = read_surroundings(options.noise, options.responses, options.only, listen)
    conditions = usable_conditions(surroundings, listen)
    missing, present = divide(found, options.absent, options.seed)
    others = distinct(audio_in(options.distractors, None, listen), found, listen)
    with Catalogue.temporary() as catalogue:
        files = [file.path for file in (*present, *others)]
        examiners = {
            package.name: Examiner(catalogue, fill(catalogue, package, files, options.workers, listen))
            for package in encoders
        }
        for examiner in examiners.values():
            if options.filler:
                add_filler(
                    catalogue, examiner.encoder, [o.source for o in others], options.filler, options.seed, listen
                )
        known, strangers = known_songs(catalogue, present), absent_songs(missing, listen)
        per_cell, seed = options.per_condition, [options.seed]
        asked = questions(known + strangers, conditions, options.seconds, per_cell, per_cell, surroundings, seed)
        examine(examiners, *asked, [song.source for song in known], options.seed, listen)
    outcomes = {name: examiner.outcomes for name, examiner in examiners.items()}
    return Evaluation(len(known), len(others) + options.filler, len(strangers), options.seed, outcomes)


def fill(
    catalogue: Catalogue,
    package: EncoderPackage,
    paths: Sequence[Path],
    workers: int | None = None,
    listen: Listener = ignore,
) -> LoadedEncoder:
    """Add an encoder to a catalogue and ingest `paths` with it."""
    add_package(catalogue, package)
    for outcome in ingest(catalogue, paths, IngestOptions(workers, package.name, tell_twins=False)):
        listen(outcome)
    return catalogue.encoder(package.name, threads=1)


def audio_in(folders: Sequence[Path], keep: frozenset[str] | None, listen: Listener = ignore) -> list[AudioFile]:
    """The audio files in `folders`, or those of them whose name is in `keep`; what cannot be used is told."""
    found = []
    for item in audio_files(folders):
        if isinstance(item, Failure):
            listen(Note(str(item)))
        elif keep is None or item.name in keep:
            found.append(item)
    return found


def distinct(
    files: Sequence[AudioFile], others: Sequence[AudioFile] = (), listen: Listener = ignore
) -> list[AudioFile]:
    """`files` without duplicates, and without copies of `others`, as a copy of an absent song would be found."""
    seen, kept = {sha256(file.path) for file in others}, []
    for file in files:
        try:
            content = sha256(file.path)
        except AudioReadError as error:
            listen(Note(str(error)))
            continue
        if content not in seen:
            seen.add(content)
            kept.append(file)
    return kept


def read_surroundings(
    noise: Sequence[Path], responses: Sequence[Path], keep: frozenset[str] | None, listen: Listener = ignore
) -> Surroundings:
    """Noises and responses at the rate of queries. Noises with "speech" in their file's name are of people talking."""
    noises = read_noises([file.path for file in audio_in(noise, keep, listen)], RATE_HZ) if noise else {}
    talk = [wave for path, wave in noises.items() if "speech" in path.name]
    measured = [file.path for file in audio_in(responses, keep, listen)]
    return Surroundings.read(list(noises.values()), measured, RATE_HZ, talk)


def usable_conditions(surroundings: Surroundings, listen: Listener = ignore) -> list[Condition]:
    """All conditions that can be simulated with what there is."""
    conditions = usable(CONDITIONS, surroundings)
    if len(conditions) < len(CONDITIONS):
        left_out = ", ".join(condition.name for condition in CONDITIONS if condition not in conditions)
        listen(Note(f"no responses of rooms, or no noise with speech in its name: left out: {left_out}"))
    return conditions


def divide(files: Sequence[AudioFile], share: float, seed: int) -> tuple[list[AudioFile], list[AudioFile]]:
    """`share` of the files, drawn at random, and the others; each in order of name."""
    order = np.random.default_rng(seed).permutation(len(files))
    n_drawn = min(round(share * len(files)), len(files) - 1)
    drawn, rest = (sorted(part.tolist()) for part in (order[:n_drawn], order[n_drawn:]))
    return [files[i] for i in drawn], [files[i] for i in rest]


def known_songs(catalogue: Catalogue, files: Sequence[AudioFile]) -> list[SourceSong]:
    """Those of `files` that the catalogue holds: what failed to be ingested cannot be asked for."""
    stored = {song.source: song.duration_s for song in songs(catalogue.engine)}
    return [SourceSong(file.path, file.source, stored[file.source]) for file in files if file.source in stored]


def absent_songs(files: Sequence[AudioFile], listen: Listener = ignore) -> list[SourceSong]:
    """Songs that the catalogue does not hold; those that cannot be read are left out."""
    found = []
    for file in files:
        try:
            duration_s = len(read_audio(file.path, RATE_HZ)) / RATE_HZ
        except AudioReadError as error:
            listen(Note(str(error)))
            continue
        found.append(SourceSong(file.path, file.source, duration_s, is_absent=True))
    return found
