"""What an encoder's scores mean: searches in a temporary catalogue, of songs that it holds and of others."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songradar.catalogue import Catalogue
from songradar.evaluate import absent_songs, distinct, fill, known_songs, usable_conditions
from songradar.events import Listener, Note, ignore
from songradar.examine import Examiner, examine
from songradar.ml.audio import decode
from songradar.ml.conditions import Surroundings
from songradar.ml.encoder import Encoder
from songradar.ml.errors import AudioError, TrainingDataError
from songradar.ml.evaluation import Example, as_record, examples
from songradar.ml.files import AudioFile
from songradar.ml.package import read_package, write_cohort
from songradar.ml.queries import questions

NAME = "candidate"
PURPOSE = 1
"""Added to the seed, so that no evaluation draws the same queries."""

STRANGERS, STRETCH_S = 32, 10.0
"""Songs in a cohort, and seconds of each; at most every fifth song that was trained on is taken."""


@dataclass(frozen=True)
class Calibration:
    """The weights for the confidence, empty where there is too little music, and how many searches they rest on."""

    weights: dict[str, Any]
    n_present: int
    n_right: int
    n_absent: int


def calibrate(
    folder: Path,
    songs: Sequence[AudioFile],
    is_held_out: Callable[[AudioFile], bool],
    surroundings: Surroundings,
    seconds: Sequence[float],
    per_cell: int,
    seed: int,
    listen: Listener = ignore,
) -> Calibration:
    """Draw the cohort of the encoder in `folder`, and fit its confidence. Needs scipy, which comes with
    songradar[train].

    The cohort is drawn from the songs that are not held out. A temporary catalogue holds the others, and every second
    one of those held out. Recordings of all songs held out are made under all conditions but the article's, and
    searched in it, with and without their own song, as are noise and talk without music. For each condition and length,
    `per_cell` recordings are of songs that the catalogue holds, and as many of songs that it does not. With 0, no
    catalogue is made and nothing is searched.
    """
    songs = distinct(songs, listen=listen)
    held_out = [song for song in songs if is_held_out(song)]
    trained_on = [song for song in songs if not is_held_out(song)]
    drawn = [trained_on[i] for i in np.random.default_rng([seed, PURPOSE]).permutation(len(trained_on))]
    strangers = set(leave_cohort(folder, drawn[: len(drawn) // 5]))
    if not per_cell:
        return Calibration({}, 0, 0, 0)
    package = replace(read_package(folder, NAME), calibration=None)
    conditions = [condition for condition in usable_conditions(surroundings, listen) if not condition.aligned]
    missing, there = held_out[::2], held_out[1::2]
    with Catalogue.temporary() as catalogue:
        paths = [song.path for song in (*trained_on, *there) if song not in strangers]
        examiner = Examiner(catalogue, fill(catalogue, package, paths, None, listen))
        songs_there = known_songs(catalogue, there)
        asked = songs_there + absent_songs(missing, listen)
        posed = questions(asked, conditions, seconds, per_cell, 2 * per_cell, surroundings, [seed, PURPOSE])
        examine({NAME: examiner}, *posed, [song.source for song in songs_there], seed, listen)
    found = examples(map(as_record, examiner.outcomes))
    try:
        return fitted(found)
    except TrainingDataError as error:
        listen(Note(f"no calibration: {error}"))
        return Calibration({}, 0, 0, len(found))


def fitted(found: Sequence[Example]) -> Calibration:
    """The weights that fit searches, and what they rest on. Raises TrainingDataError."""
    from songradar.ml.training.calibration import calibrate as fit  # scipy

    present = [example for example in found if example.is_present]
    return Calibration(fit(found), len(present), sum(e.is_right for e in present), len(found) - len(present))


def fit_evaluation(path: Path, name: str) -> Calibration:
    """The same of the searches with encoder `name` in an evaluation.json. Raises TrainingDataError."""
    try:
        of_encoders = json.loads(path.read_text("utf-8"))["encoders"]
        if name not in of_encoders:
            raise TrainingDataError(f"{path}: has no encoder {name}, but {', '.join(of_encoders)}")
        found = examples(of_encoders[name]["outcomes"])
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingDataError(f"{path}: is no evaluation ({type(error).__name__}: {error})") from error
    return fitted(found)


def leave_cohort(folder: Path, songs: Sequence[AudioFile]) -> list[AudioFile]:
    """Give the encoder in `folder` a cohort from the first STRANGERS of `songs` that are long enough; returns these."""
    encoder = Encoder.read(folder)
    n = max(1, round(STRETCH_S / encoder.spec.hop_s))
    used: list[AudioFile] = []
    stretches: list[NDArray[np.float32]] = []
    for song in songs:
        if len(used) == STRANGERS:
            break
        try:
            embeddings = encoder.fingerprint_song(decode(song.path, encoder.spec.sample_rate_hz)).embeddings
        except AudioError:
            continue
        if len(embeddings) >= n:
            middle = (len(embeddings) - n) // 2
            used.append(song)
            stretches.append(embeddings[middle : middle + n])
    if stretches:
        write_cohort(folder, np.stack(stretches))
    return used
