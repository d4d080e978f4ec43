"""The tune of a score: which part is sung, one note at a time, and where a new syllable begins."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from songradar.ml.errors import TrainingDataError
from songradar.ml.training.singing.score import DRUMS, Note, Score

Tune = tuple[Note, ...]
"""Notes one after another, none beginning before the last ends."""

LOWEST, HIGHEST = 55, 84
"""Where tunes are written, from G3 to C6."""

SHORTEST_S = 0.07
"""Shorter notes are ornaments, which are left out."""

CHORD_S = 0.04
"""Notes that begin within this time are one chord."""

LEGATO_S = 0.18
"""Shorter gaps between notes are sung through."""

SYLLABLE_S = 0.2
"""Nobody sings syllables faster: quicker notes share one."""

MIN_NOTES = 12
MIN_LIKENESS = 0.25


def find_tune(score: Score) -> Tune:
    """The part that is most like a tune, as one voice. Raises TrainingDataError when none is."""
    parts: dict[int, list[Note]] = {}
    for note in score.notes:
        if note.channel != DRUMS:
            parts.setdefault(note.part, []).append(note)
    likest = max(parts.values(), key=likeness, default=[])
    if not likest or likeness(likest) < MIN_LIKENESS:
        raise TrainingDataError("no part is like a tune")
    return skyline(likest)


def likeness(notes: Sequence[Note]) -> float:
    """How much a part is like a tune, from 0 to 1: one note at a time, where tunes are, of many pitches, and long."""
    tune = skyline(notes)
    if len(tune) < MIN_NOTES:
        return 0.0
    in_range = np.mean([LOWEST <= note.pitch <= HIGHEST for note in tune])
    variety = min(1.0, len({note.pitch for note in tune}) / 6)
    length = min(1.0, sum(note.duration_s for note in tune) / 20)
    return float(len(tune) / len(notes) * in_range * variety * length)


def skyline(notes: Sequence[Note]) -> Tune:
    """The highest of the notes that sound together, each held to the next if the gap is small."""
    tops = list[Note]()
    for note in sorted(notes, key=lambda note: (note.start_s, -note.pitch)):
        if note.duration_s < SHORTEST_S:
            continue
        if tops and _is_below(note, tops[-1]):
            continue
        if tops and note.start_s - tops[-1].start_s < SHORTEST_S:
            tops.pop()
        tops.append(note)
    return tuple(_held(note, after.start_s) for note, after in pairwise(tops)) + tuple(tops[-1:])


def syllables(tune: Tune, melisma: float, rng: np.random.Generator) -> list[Tune]:
    """Notes that share a syllable: quick ones, and other pairs without a gap with a probability of `melisma`."""
    groups = [[note] for note in tune[:1]]
    for before, note in pairwise(tune):
        sung_s = before.end_s - groups[-1][0].start_s
        joined = sung_s < SYLLABLE_S or rng.random() < melisma
        if joined and note.start_s - before.end_s < 1e-6:
            groups[-1].append(note)
        else:
            groups.append([note])
    return [tuple(group) for group in groups]


def third_above(line: Tune, tune: Tune) -> Tune:
    """A line a third higher, by three or four semitones, whichever is more often a note of the tune that it is from."""
    counts = np.bincount([note.pitch % 12 for note in tune], minlength=12)
    steps = [3 if counts[(note.pitch + 3) % 12] > counts[(note.pitch + 4) % 12] else 4 for note in line]
    return tuple(replace(note, pitch=note.pitch + step) for note, step in zip(line, steps, strict=True))


def _is_below(note: Note, top: Note) -> bool:
    """Whether `note` belongs to a chord under `top`, which sounds at the same time."""
    together = top.end_s - note.start_s
    return note.pitch <= top.pitch and (
        note.start_s - top.start_s < CHORD_S or together > max(CHORD_S, 0.5 * note.duration_s)
    )


def _held(note: Note, next_s: float) -> Note:
    return replace(note, end_s=next_s) if next_s - note.end_s < LEGATO_S else note
