"""MIDI files as notes in seconds: cut, repeated, transposed, and written again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from mido import Message, MidiFile, MidiTrack

from songradar.ml.errors import TrainingDataError

DRUMS = 9
"""The channel of General MIDI on which every key is a drum; people count it as the tenth."""

TICKS_PER_S = 960
"""What we write: 480 ticks a beat, at the 120 beats a minute that hold where a file does not set a tempo."""

LAST_TICK = 1 << 40


@dataclass(frozen=True)
class Note:
    """A key held from `start_s` to `end_s`. Pitch 69 is the A of 440 Hz; a part is one channel of one track."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int
    channel: int
    part: int

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Score:
    """Notes in order of time, and messages that set instruments, volumes and bends, each with its second."""

    notes: tuple[Note, ...]
    settings: tuple[tuple[float, Message], ...]
    beat_s: float
    beats_per_bar: int

    @property
    def end_s(self) -> float:
        return max((note.end_s for note in self.notes), default=0.0)


def read_score(path: Path) -> Score:
    """The notes of a MIDI file. Raises TrainingDataError when it cannot be read."""
    try:
        file = MidiFile(path, clip=True)
    except (OSError, ValueError, EOFError, LookupError) as error:
        raise TrainingDataError(f"{path}: is no MIDI file that can be read ({error})") from error
    clock, seconds = _clock(file)
    notes, settings = list[Note](), list[tuple[float, Message]]()
    for number, track in enumerate(file.tracks):
        timed = [(float(np.interp(tick, clock, seconds)), message) for tick, message in _at_ticks(track)]
        notes += _notes(timed, number)
        settings += [(s, m) for s, m in timed if m.type in ("program_change", "control_change", "pitchwheel")]
    notes.sort(key=lambda note: (note.start_s, -note.pitch))
    settings.sort(key=lambda setting: setting[0])
    return Score(tuple(notes), tuple(settings), seconds[1] / clock[1] * file.ticks_per_beat, _beats_per_bar(file))


def excerpt(score: Score, start_s: float, duration_s: float) -> Score:
    """The notes that begin within `duration_s` after `start_s`, on the instruments that were set before."""
    end_s = start_s + duration_s
    notes = tuple(
        replace(note, start_s=note.start_s - start_s, end_s=min(note.end_s, end_s) - start_s)
        for note in score.notes
        if start_s <= note.start_s < end_s
    )
    settings = tuple((max(0.0, at_s - start_s), message) for at_s, message in score.settings if at_s < end_s)
    return replace(score, notes=notes, settings=settings)


def repeated(score: Score, duration_s: float) -> Score:
    """The score again and again, from one bar to the next, until it lasts `duration_s`."""
    bar_s = score.beat_s * score.beats_per_bar
    period_s = max(bar_s, np.ceil(score.end_s / bar_s - 0.1) * bar_s)
    notes = [
        replace(note, start_s=note.start_s + k * period_s, end_s=note.end_s + k * period_s)
        for k in range(max(1, int(np.ceil(duration_s / period_s))))
        for note in score.notes
    ]
    return replace(score, notes=tuple(notes))


def played_at(score: Score, tempo: float) -> Score:
    """`tempo` times as fast."""
    notes = tuple(replace(note, start_s=note.start_s / tempo, end_s=note.end_s / tempo) for note in score.notes)
    settings = tuple((at_s / tempo, message) for at_s, message in score.settings)
    return replace(score, notes=notes, settings=settings, beat_s=score.beat_s / tempo)


def transposed(score: Score, semitones: int) -> Score:
    """Higher by `semitones`, except drums."""
    return replace(
        score,
        notes=tuple(
            note if note.channel == DRUMS else replace(note, pitch=int(np.clip(note.pitch + semitones, 0, 127)))
            for note in score.notes
        ),
    )


def softened(score: Score, part: int, share: float) -> Score:
    """With one part's velocities reduced to `share` of what they were; with 0 the part is left out."""
    notes = [
        replace(note, velocity=round(share * note.velocity)) if note.part == part else note for note in score.notes
    ]
    return replace(score, notes=tuple(note for note in notes if note.velocity))


def write_score(score: Score, path: Path) -> None:
    """Write a MIDI file of one track."""
    events = [(at_s, 0, message) for at_s, message in score.settings]
    for note in score.notes:
        key = {"channel": note.channel, "note": note.pitch}
        events.append((note.end_s, 1, Message("note_off", **key)))
        events.append((note.start_s, 2, Message("note_on", velocity=min(127, note.velocity), **key)))
    events.sort(key=lambda event: event[:2])
    ticks = [round(at_s * TICKS_PER_S) for at_s, _, _ in events]
    gaps = [after - before for before, after in pairwise([0, *ticks])]
    file = MidiFile(ticks_per_beat=TICKS_PER_S // 2)
    file.tracks.append(MidiTrack(message.copy(time=gap) for gap, (_, _, message) in zip(gaps, events, strict=True)))
    file.save(path)


def _at_ticks(track: MidiTrack) -> Iterator[tuple[int, Message]]:
    tick = 0
    for message in track:
        tick += message.time
        yield tick, message


def _clock(file: MidiFile) -> tuple[list[float], list[float]]:
    """Ticks at which the tempo changes, in order, and the seconds at each; the last tick is beyond every file."""
    changes = {0: 0.5e6}
    changes.update(sorted((t, m.tempo) for track in file.tracks for t, m in _at_ticks(track) if m.type == "set_tempo"))
    ticks = [*sorted(changes), LAST_TICK]
    lengths_s = [(b - a) * changes[a] / 1e6 / file.ticks_per_beat for a, b in pairwise(ticks)]
    return [float(tick) for tick in ticks], [0.0, *np.cumsum(lengths_s).tolist()]


def _notes(timed: list[tuple[float, Message]], track: int) -> list[Note]:
    """Notes of one track, from the seconds at which its keys go down and up."""
    notes, held = list[Note](), dict[tuple[int, int], tuple[float, int]]()
    for at_s, message in timed:
        if message.type not in ("note_on", "note_off"):
            continue
        key = (message.channel, message.note)
        if key in held:
            start_s, velocity = held.pop(key)
            notes.append(Note(start_s, at_s, message.note, velocity, message.channel, 16 * track + message.channel))
        if message.type == "note_on" and message.velocity:
            held[key] = (at_s, message.velocity)
    return notes


def _beats_per_bar(file: MidiFile) -> int:
    """Quarters in a bar, by the first time signature: three for 3/4 and 6/8."""
    signatures = [message for track in file.tracks for message in track if message.type == "time_signature"]
    return max(2, round(4 * signatures[0].numerator / signatures[0].denominator)) if signatures else 4
