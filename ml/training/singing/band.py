"""A band for bare tunes with chords: instruments, a bass, drums, and chords that are strummed or broken."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import numpy as np
from mido import Message

from songradar.ml.training.singing.score import DRUMS, Note, Score

KICK, SNARE, HAT = 36, 38, 42

TUNE, CHORDS, BASS, PAD = 0, 1, 2, 3
"""Channels of the band."""

INSTRUMENTS = {
    TUNE: (0, 21, 22, 26, 40, 56, 65, 68, 71, 73, 75, 80, 81),
    CHORDS: (0, 2, 4, 5, 11, 16, 18, 24, 25, 26, 27, 28, 29, 30, 46, 61, 80, 81),
    BASS: (32, 33, 34, 35, 36, 38, 39, 43),
    PAD: (19, 48, 49, 50, 51, 52, 88, 89, 91, 94),
}
"""Programs of General MIDI, counted from 0, that do well as each."""


def with_band(score: Score, tune_part: int, rng: np.random.Generator) -> Score:
    """The score with a band drawn for it, unless it says itself which instruments play."""
    if any(message.type == "program_change" for _, message in score.settings):
        return score
    programs = [(channel, int(rng.choice(choice))) for channel, choice in INSTRUMENTS.items()]
    settings = [(0.0, Message("program_change", channel=channel, program=program)) for channel, program in programs]
    tune = [replace(note, channel=TUNE) for note in score.notes if note.part == tune_part]
    chords = [note for note in score.notes if note.part != tune_part and note.channel != DRUMS]
    drums = [note for note in score.notes if note.channel == DRUMS]
    pad = [replace(note, channel=PAD, velocity=note.velocity // 2) for note in chords] if rng.random() < 0.4 else []
    played = [*_chords(chords, score.beat_s / 2, rng), *_bass(chords, score.beat_s, rng)]
    notes = sorted([*tune, *played, *pad, *drums], key=lambda note: (note.start_s, -note.pitch))
    return replace(score, notes=tuple(notes), settings=tuple(settings))


def with_drums(score: Score, rng: np.random.Generator) -> Score:
    """With kick, snare and hi-hat in a pattern drawn once, unless the score has drums already."""
    if any(note.channel == DRUMS for note in score.notes):
        return score
    beat_s = walking(score.beat_s)
    n_steps = 2 * score.beats_per_bar
    bar = [(0, KICK), *((step, HAT) for step in range(0, n_steps, int(rng.integers(1, 3))))]
    bar += [(step, SNARE) for step in range(2, n_steps, 4)]
    bar += [(int(step), KICK) for step in rng.choice(n_steps, int(rng.integers(0, 3)), replace=False)]
    loudness = int(rng.integers(60, 110))
    bars = range(int(np.ceil(score.end_s / (beat_s * score.beats_per_bar))))
    strokes = [((n_steps * k + step) * beat_s / 2, drum) for k in bars for step, drum in bar]
    drums = [Note(s, s + beat_s / 4, drum, loudness - 25 * (drum == HAT), DRUMS, -1) for s, drum in strokes]
    return replace(score, notes=(*score.notes, *drums))


def walking(beat_s: float) -> float:
    """The beat that people tap, about 80 to 160 a minute: some files count halves or doubles of it.

    >>> walking(0.25), walking(0.5), walking(1.0)
    (0.5, 0.5, 0.5)
    """
    return float(beat_s * 2.0 ** np.round(np.log2(0.53 / beat_s)))


def _chords(notes: list[Note], step_s: float, rng: np.random.Generator) -> list[Note]:
    """Chords in one manner throughout: held, struck again at every step or two, or one key at a time."""
    manner = rng.choice(["held", "strummed", "broken"])
    if manner == "held":
        return [replace(note, channel=CHORDS) for note in notes]
    step_s *= int(rng.integers(1, 3))
    played = list[Note]()
    for chord in _together(notes):
        for number, start_s in enumerate(_beats(chord[0], step_s)):
            keys = chord if manner == "strummed" else [chord[number % len(chord)]]
            end_s = min(start_s + 0.9 * step_s, chord[0].end_s)
            played += [replace(key, start_s=start_s, end_s=end_s, channel=CHORDS) for key in keys]
    return played


def _bass(notes: list[Note], step_s: float, rng: np.random.Generator) -> list[Note]:
    """The lowest key of each chord an octave lower, some bands taking turns with another of its keys."""
    turns = int(rng.integers(1, 3))
    played = list[Note]()
    for chord in _together(notes):
        for number, start_s in enumerate(_beats(chord[0], step_s)):
            pitch = chord[-1 if number % turns else 0].pitch - 12
            end_s = min(start_s + 0.9 * step_s, chord[0].end_s)
            played.append(replace(chord[0], start_s=start_s, end_s=end_s, pitch=pitch, channel=BASS))
    return played


def _together(notes: list[Note]) -> Iterator[list[Note]]:
    """Notes that begin at the same time, lowest first."""
    for _, chord in groupby(sorted(notes, key=lambda note: (note.start_s, note.pitch)), lambda note: note.start_s):
        yield list(chord)


def _beats(note: Note, step_s: float) -> list[float]:
    return [float(at_s) for at_s in np.arange(note.start_s, note.end_s - step_s / 4, step_s)] or [note.start_s]
