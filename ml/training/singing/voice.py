"""Spoken sentences that sing a tune, by the vocoder WORLD.

Morise, Yokomori, Ozawa: WORLD: a vocoder-based high-quality speech synthesis system for real-time applications (2016).
WORLD takes speech apart into its pitch, the spectral envelope of vowels and consonants, and how much of each band is
noise. We play the envelopes at another pace, so that the vowels of syllables last as long as notes, and with the pitch
of the tune.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyworld
from numpy.typing import NDArray
from scipy.signal import find_peaks

from songradar.ml.audio import Wave, excerpt
from songradar.ml.errors import TrainingDataError
from songradar.ml.training.singing.score import Note
from songradar.ml.training.singing.tune import Tune

Curve = NDArray[np.float64]
"""One value for each frame of 5 ms, (F,)."""

FRAME_S = 0.005

NUCLEUS_DB = 8.0
"""A vowel is what lies within this of its syllable's peak."""

CONSONANT_S = 0.14
"""What is kept before and after a vowel."""

MIN_SYLLABLES = 5

SINGING_ABOVE_SPEECH = 4
"""Semitones by which people sing higher than they speak, before the octave is rounded."""

BREATH_S, BREATH_DB = 0.25, -20.0
VIBRATO_AFTER_S = 0.2


@dataclass(frozen=True)
class Syllable:
    """Frames of a take: the syllable from `start` to `end`, its vowel from `nucleus` to `release`; its peak in dB."""

    start: int
    nucleus: int
    release: int
    end: int
    level_db: float


@dataclass(frozen=True)
class Take:
    """Speech in frames of 5 ms: `pitch_hz` (F,), 0 where unvoiced; power `envelope` and `aperiodicity` (F, B).

    The last frame belongs to no syllable: it is the noise of a breath.
    """

    pitch_hz: Curve
    envelope: NDArray[np.float64]
    aperiodicity: NDArray[np.float64]
    syllables: tuple[Syllable, ...]
    rate_hz: int


@dataclass(frozen=True)
class Manner:
    """How a singer sings. Cents are hundredths of a semitone; vibrato, drift and swell deviate to either side."""

    portamento_s: float = 0.06
    vibrato_hz: float = 5.5
    vibrato_cents: float = 30.0
    drift_cents: float = 8.0
    swell_db: float = 1.5
    detune_cents: float = 0.0
    delay_s: float = 0.0
    breath_share: float = 0.5


def draw_manner(rng: np.random.Generator) -> Manner:
    """A singer of a song's lead."""
    return Manner(
        portamento_s=rng.uniform(0.03, 0.12),
        vibrato_hz=rng.uniform(4.5, 6.5),
        vibrato_cents=rng.uniform(20, 60),
        drift_cents=rng.uniform(4, 12),
        breath_share=rng.uniform(0, 1),
    )


def analyse(speech: Wave, rate_hz: int, formants: float = 1.0) -> Take:
    """Take speech apart; `formants` above 1 make the singer smaller. Raises TrainingDataError without syllables."""
    samples = speech.astype(np.float64)
    rough_hz, times_s = pyworld.dio(samples, rate_hz, frame_period=1000 * FRAME_S)
    pitch_hz = pyworld.stonemask(samples, rough_hz, times_s, rate_hz)
    envelope = _with_formants(pyworld.cheaptrick(samples, pitch_hz, times_s, rate_hz), formants)
    aperiodicity = pyworld.d4c(samples, pitch_hz, times_s, rate_hz)
    syllables = find_syllables(pitch_hz, envelope)
    if len(syllables) < MIN_SYLLABLES:
        raise TrainingDataError(f"{len(syllables)} syllables are too few to sing")
    breath = np.exp(np.mean(np.log(envelope[pitch_hz > 0]), axis=0))
    return Take(
        np.append(pitch_hz, 0.0),
        np.vstack([envelope, breath]),
        np.vstack([aperiodicity, np.ones_like(breath)]),
        syllables,
        rate_hz,
    )


def find_syllables(pitch_hz: Curve, envelope: NDArray[np.float64]) -> tuple[Syllable, ...]:
    """Syllables are peaks of the level where the voice sounds, from one minimum to the next."""
    power_db = 10 * np.log10(np.mean(envelope, axis=1) + 1e-12)
    level_db = _smooth(power_db - 15 * (pitch_hz <= 0), 0.06)
    peaks, _ = find_peaks(level_db, height=np.max(level_db) - 30, distance=round(0.12 / FRAME_S), prominence=2)
    valleys = [first + int(np.argmin(level_db[first:last])) for first, last in pairwise(peaks.tolist())]
    bounds = pairwise([0, *valleys, len(level_db)])
    found = [
        _syllable(level_db, pitch_hz > 0, first, int(peak), last)
        for (first, last), peak in zip(bounds, peaks, strict=True)
    ]
    return tuple(syllable for syllable in found if syllable.release - syllable.nucleus >= round(0.04 / FRAME_S))


def octaves_to(take: Take, tune: Tune) -> int:
    """Semitones, a multiple of 12, that bring a tune to where the speaker of `take` sings."""
    spoken_hz = float(np.median(take.pitch_hz[take.pitch_hz > 0]))
    comfortable = 69 + 12 * np.log2(spoken_hz / 440) + SINGING_ABOVE_SPEECH
    return 12 * round((comfortable - float(np.median([note.pitch for note in tune]))) / 12)


def sing(
    take: Take, lines: list[Tune], semitones: float, manner: Manner, duration_s: float, rng: np.random.Generator
) -> Wave:
    """Sing `lines`, one syllable on each, higher by `semitones`: (T,) float32 with peak 1, silent between lines."""
    n_frames = round(duration_s / FRAME_S)
    source, gain = _played(take, lines, manner, n_frames, rng)
    gain *= 10 ** (manner.swell_db / 20 * _wander(n_frames, 0.4, rng))
    pitch = pitch_curve([note for line in lines for note in line], manner, n_frames, rng) + semitones
    voiced = (take.pitch_hz[np.round(source).astype(int)] > 0) & (gain > 0)
    sung = pyworld.synthesize(
        np.where(voiced, 440 * 2 ** ((pitch - 69) / 12), 0.0),
        _between(np.log(take.envelope), source, np.exp) * np.square(gain)[:, None] + 1e-16,
        _between(take.aperiodicity, source),
        take.rate_hz,
        frame_period=1000 * FRAME_S,
    )
    delayed = excerpt(sung, -round(manner.delay_s * take.rate_hz), round(duration_s * take.rate_hz))
    return np.asarray(delayed / max(1e-9, np.max(np.abs(delayed))), np.float32)


def pitch_curve(notes: Sequence[Note], manner: Manner, n_frames: int, rng: np.random.Generator) -> Curve:
    """Pitch of each frame, as in MIDI: the notes, joined by portamento, with vibrato and drift. (n_frames,)."""
    starts = [round(note.start_s / FRAME_S) for note in notes]
    steps = np.repeat([float(notes[0].pitch), *(float(note.pitch) for note in notes)], np.diff([0, *starts, n_frames]))
    curve = _smooth(steps, manner.portamento_s) + manner.detune_cents / 100
    for note, start in zip(notes, starts, strict=True):
        times_s = np.arange(min(round(note.duration_s / FRAME_S), n_frames - start)) * FRAME_S
        depth = manner.vibrato_cents / 100 * np.clip((times_s - VIBRATO_AFTER_S) / 0.2, 0, 1)
        curve[start : start + len(times_s)] += depth * np.sin(
            2 * np.pi * manner.vibrato_hz * (times_s - VIBRATO_AFTER_S)
        )
    return curve + manner.drift_cents / 100 * _wander(n_frames, 0.5, rng)


def _played(
    take: Take, lines: list[Tune], manner: Manner, n_frames: int, rng: np.random.Generator
) -> tuple[Curve, Curve]:
    """For each frame of a song, which frame of the take sounds, and how loud (a factor of amplitude)."""
    source, gain = np.zeros(n_frames), np.zeros(n_frames)
    typical_db = float(np.median([syllable.level_db for syllable in take.syllables]))
    first = int(rng.integers(len(take.syllables)))
    begun = ended = 0
    for number, line in enumerate(lines):
        syllable = take.syllables[(first + number) % len(take.syllables)]
        start, end = (min(n_frames, round(at_s / FRAME_S)) for at_s in (line[0].start_s, line[-1].end_s))
        free = start - ended if start > ended else (start - begun) // 3
        before = start - min(syllable.nucleus - syllable.start, free)
        if start - ended > 2 * BREATH_S / FRAME_S and rng.random() < manner.breath_share:
            _breathe(source, gain, before, len(take.pitch_hz) - 1)
        source[before:end] = _stretched(syllable, before, start, end)
        even_db = 0.7 * (typical_db - syllable.level_db) + rng.normal(0, 1)
        gain[before:end] = 10 ** (np.clip(even_db, -12, 9) / 20)
        begun, ended = start, end
    return source, np.where(gain > 0, np.maximum(_smooth(gain, 0.03), 1e-4), 0)


def _stretched(syllable: Syllable, before: int, start: int, end: int) -> Curve:
    """The take's frames in a song's from `before` to `end`: consonants at their own pace, the vowel from `start` on."""
    coda = min(syllable.end - syllable.release, (end - start) // 4)
    spoken = [syllable.nucleus - (start - before), syllable.nucleus, syllable.release, syllable.release + coda]
    return np.interp(np.arange(before, end), [before, start, end - coda, end], spoken)


def _breathe(source: Curve, gain: Curve, end: int, breath: int) -> None:
    """Write a breath that ends shortly before frame `end`."""
    n = round(BREATH_S / FRAME_S)
    place = slice(end - n - 6, end - 6)
    source[place] = breath
    gain[place] = 10 ** (BREATH_DB / 20) * np.hanning(n + 2)[1:-1]


def _syllable(level_db: Curve, voiced: NDArray[np.bool_], first: int, peak: int, last: int) -> Syllable:
    """The syllable between two valleys; its vowel is voiced and about as loud as its peak."""
    vowel = voiced & (level_db > level_db[peak] - NUCLEUS_DB)
    outside = np.flatnonzero(~vowel[first:last]) + first
    nucleus = int(max(outside[outside <= peak], default=first - 1)) + 1
    release = int(min(outside[outside > peak], default=last))
    consonant = round(CONSONANT_S / FRAME_S)
    return Syllable(
        max(first, nucleus - consonant), nucleus, release, min(last, release + consonant), float(level_db[peak])
    )


def _with_formants(envelope: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """The envelope (F, B) stretched along frequency, so that its resonances lie `factor` times as high."""
    if factor == 1:
        return envelope
    bins = np.minimum(np.arange(envelope.shape[1]) / factor, envelope.shape[1] - 1.001)
    return np.ascontiguousarray(_between(np.log(envelope).T, bins, np.exp).T)


def _between(values: NDArray[np.float64], places: Curve, undo: np.ufunc | None = None) -> NDArray[np.float64]:
    """Rows of `values` (F, B) at fractional `places` (N,), linearly interpolated: (N, B); `undo` is applied to them."""
    before = np.minimum(places.astype(int), len(values) - 1)
    after = np.minimum(before + 1, len(values) - 1)
    share = (places - before)[:, None]
    rows = (1 - share) * values[before] + share * values[after]
    return np.ascontiguousarray(undo(rows) if undo else rows)


def _wander(n_frames: int, width_s: float, rng: np.random.Generator) -> Curve:
    """Noise that is slower than `width_s`, with a standard deviation of 1: (n_frames,)."""
    slow = _smooth(rng.standard_normal(n_frames), width_s)
    return slow / np.std(slow)


def _smooth(curve: Curve, width_s: float) -> Curve:
    """Averaged under a Hann window of `width_s`, the ends held. (F,) -> (F,)."""
    half = max(1, round(width_s / FRAME_S / 2))
    window = np.hanning(2 * half + 1)
    return np.convolve(np.pad(curve, half, mode="edge"), window / np.sum(window), mode="valid")
