"""A song: what is drawn for it, who sings it, the band, and the mix as on records."""

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songradar.ml.audio import Wave, read_audio
from songradar.ml.augmentation import at_level, band_pass, boost, compress, limit, reverberate
from songradar.ml.errors import TrainingDataError
from songradar.ml.noise import rms
from songradar.ml.training.singing.band import with_band, with_drums
from songradar.ml.training.singing.score import (
    Score,
    excerpt,
    played_at,
    read_score,
    repeated,
    softened,
    transposed,
    write_score,
)
from songradar.ml.training.singing.tune import Tune, find_tune, syllables, third_above
from songradar.ml.training.singing.voice import Take, analyse, draw_manner, octaves_to, sing

RATE_HZ = 16_000
BAND_HZ = 32_000
"""Rate at which sound fonts are played: they do not filter what a lower rate cannot carry."""

SPEECH_S = 45.0
"""How much of a recording of speech is made to sing: the words repeat after about three times as long."""

QUICK_S = 0.25
"""Tunes whose notes are usually shorter than this are slowed down, as nobody could sing their words."""

MIN_SUNG_SHARE = 0.3

N_SECTIONS = 4
"""Verse, refrain, verse, refrain."""

HIGH_SHARE = 0.15
"""Share of songs whose leader sings an octave above what would be comfortable."""

LEVEL = 0.1

CEILING_DB = -2.0
"""Leaves room for the peaks that Opus adds."""


@dataclass(frozen=True)
class Sources:
    """What songs are made of; of `voices`, each group is drawn equally often."""

    midi: tuple[Path, ...]
    voices: tuple[tuple[Path, ...], ...]
    sound_fonts: tuple[Path, ...]


@dataclass(frozen=True)
class Plan:
    """What was drawn for a song; the first of `voices` leads. `tempo` 1 is that of the MIDI file."""

    name: str
    midi: Path
    voices: tuple[Path, ...]
    sound_font: Path
    semitones: int
    tempo: float


def draw_plan(sources: Sources, seed: int, number: int) -> Plan:
    """Song `number`: no MIDI file comes again before all have come."""
    rng = np.random.default_rng([seed, number])
    order = np.random.default_rng([seed, 2**32 - 1, number // len(sources.midi)]).permutation(len(sources.midi))
    midi = sources.midi[order[number % len(order)]]
    groups = rng.integers(len(sources.voices), size=1 + int(rng.integers(3)))
    return Plan(
        name=f"singing__{midi.stem}__{number:04}.opus",
        midi=midi,
        voices=tuple(sources.voices[group][rng.integers(len(sources.voices[group]))] for group in groups),
        sound_font=sources.sound_fonts[rng.integers(len(sources.sound_fonts))],
        semitones=int(rng.integers(-5, 7)),
        tempo=round(rng.uniform(0.85, 1.15), 3),
    )


def make_song(plan: Plan, duration_s: float, rng: np.random.Generator) -> Wave:
    """The song at RATE_HZ, (T,) float32. Raises TrainingDataError when the plan's files cannot give one."""
    score, tune = arrange(plan, duration_s, rng)
    leader, *others = (_take(path, rng) for path in plan.voices)
    lines = syllables(tune, rng.choice([0.0, 0.1, 0.3]), rng)
    manner = draw_manner(rng)
    high = 12 * (rng.random() < HIGH_SHARE)
    voice = sing(leader, lines, octaves_to(leader, tune) + high, manner, duration_s, rng)
    if rng.random() < 0.6:
        throughout = rng.random() < 0.2
        refrain = [line for line in lines if throughout or int(N_SECTIONS * line[0].start_s / duration_s) % 2]
        voice += choir([leader, *others], refrain, tune, duration_s, rng) if refrain else 0
    part = tune[0].part
    band = play(softened(score, part, rng.choice([0.0, 0.0, 0.3, 0.6])), plan.sound_font, duration_s)
    sung = sung_samples(tune, len(voice))
    return master(produce(voice, rng), band, sung, rng)


def arrange(plan: Plan, duration_s: float, rng: np.random.Generator) -> tuple[Score, Tune]:
    """The stretch of the score with most singing out of a few, with its tune. Raises TrainingDataError without one."""
    score = played_at(transposed(read_score(plan.midi), plan.semitones), plan.tempo)
    usual_s = float(np.median([note.duration_s for note in find_tune(score)]))
    score = played_at(score, min(1.0, usual_s / QUICK_S * rng.uniform(0.7, 1.0)) if usual_s < QUICK_S else 1.0)
    tune = find_tune(score)
    part = tune[0].part
    score = with_band(score, part, rng)
    if score.end_s < 1.2 * duration_s:
        score = repeated(score, 2 * duration_s)
        tune = find_tune(replace(score, notes=tuple(note for note in score.notes if note.part == part)))
    latest_s = max(0.0, score.end_s - duration_s)
    starts_s = rng.choice([min(latest_s, note.start_s) for note in tune], 5)
    start_s = max(0.0, max(starts_s, key=lambda at_s: _sung_s(tune, at_s, duration_s)) - rng.uniform(0, 3))
    tune = excerpt(replace(score, notes=tune), start_s, duration_s).notes
    if _sung_s(tune, 0, duration_s) < MIN_SUNG_SHARE * duration_s:
        raise TrainingDataError("the tune rests too much")
    drummed = with_drums(score, rng) if rng.random() < 0.7 else score
    return excerpt(drummed, start_s, duration_s), tune


def choir(takes: Sequence[Take], refrain: list[Tune], tune: Tune, duration_s: float, rng: np.random.Generator) -> Wave:
    """One to four voices beside the lead, a little late and out of tune; some an octave or a third from it."""
    voices = np.zeros(round(duration_s * RATE_HZ), np.float32)
    interval = rng.choice(["unison", "octave", "third"])
    for number in range(int(rng.integers(1, 5))):
        take = takes[int(rng.integers(len(takes)))]
        manner = replace(draw_manner(rng), detune_cents=rng.normal(0, 8), delay_s=rng.uniform(0.01, 0.04))
        higher = number % 2 == 0
        lines = [third_above(line, tune) for line in refrain] if interval == "third" and higher else refrain
        semitones = octaves_to(take, tune) + (12 if interval == "octave" and higher else 0)
        voices += rng.uniform(0.3, 0.8) * sing(take, lines, semitones, manner, duration_s, rng)
    return voices


def play(score: Score, sound_font: Path, duration_s: float) -> Wave:
    """The score, played by FluidSynth with a sound font: (T,) float32 at RATE_HZ."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder, "score.mid"), Path(folder, "score.wav")
        write_score(score, midi)
        command = [
            "fluidsynth",
            "-ni",
            "-q",
            "-g",
            "0.4",
            "-r",
            str(BAND_HZ),
            "-F",
            str(wav),
            str(sound_font),
            str(midi),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        n_samples = round(duration_s * RATE_HZ)
        played = read_audio(wav, RATE_HZ, n_samples)
    return np.pad(played, (0, n_samples - len(played)))


def produce(voice: Wave, rng: np.random.Generator) -> Wave:
    """The voice as records have it: without rumble, with presence, even, and in a room."""
    voice = band_pass(at_level(voice, LEVEL), RATE_HZ, rng.uniform(80, 160), RATE_HZ, poles=2)
    voice = boost(voice, RATE_HZ, rng.uniform(2200, 4500), rng.uniform(0, 6))
    voice = compress(voice, RATE_HZ, threshold_db=rng.uniform(-28, -20), ratio=rng.uniform(2, 5))
    return reverberate(voice, room(rng.uniform(0.3, 2.0), rng.uniform(-14, -4), rng))


def room(decay_s: float, wet_db: float, rng: np.random.Generator) -> Wave:
    """An impulse response: the direct sound, then noise that decays by 60 dB in `decay_s`, `wet_db` louder than it."""
    times_s = np.arange(round(decay_s * RATE_HZ)) / RATE_HZ
    noise = rng.standard_normal(len(times_s)) * 10 ** (-3 * times_s / decay_s)
    noise[: round(rng.uniform(0.005, 0.03) * RATE_HZ)] = 0
    response = noise / np.sqrt(np.sum(np.square(noise))) * 10 ** (wet_db / 20)
    response[0] = 1
    return response.astype(np.float32)


def master(voice: Wave, band: Wave, sung: slice | NDArray[np.bool_], rng: np.random.Generator) -> Wave:
    """Voice and band in balance where there is singing, compressed and limited to the loudness of records."""
    if not rms(voice[sung]) or not rms(band[sung]):
        raise TrainingDataError("the voice or the band is silent")
    balance = rms(voice[sung]) / rms(band[sung]) * 10 ** (-rng.uniform(-3, 6) / 20)
    mixed = at_level(voice + balance * band, 2 * LEVEL)
    mixed = compress(mixed, RATE_HZ, threshold_db=rng.uniform(-20, -12), ratio=rng.uniform(1.5, 4))
    return limit(at_level(mixed, 10 ** (rng.uniform(-14, -10) / 20)), RATE_HZ, CEILING_DB)


def sung_samples(tune: Tune, n_samples: int) -> NDArray[np.bool_]:
    """Which samples lie within notes of the tune, (n_samples,) bool."""
    sung = np.zeros(n_samples, np.bool_)
    for note in tune:
        sung[round(note.start_s * RATE_HZ) : round(note.end_s * RATE_HZ)] = True
    return sung


def _take(path: Path, rng: np.random.Generator) -> Take:
    """A speaker, some as they are and some made smaller or larger, from the recording's beginning."""
    formants = rng.uniform(0.9, 1.15) if rng.random() < 0.6 else 1.0
    return analyse(read_audio(path, RATE_HZ, round(SPEECH_S * RATE_HZ)), RATE_HZ, formants)


def _sung_s(tune: Tune, start_s: float, duration_s: float) -> float:
    return sum(note.duration_s for note in tune if start_s <= note.start_s < start_s + duration_s)
