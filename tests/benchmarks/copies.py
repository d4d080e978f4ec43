"""Copies of songs, as collections hold them, and other takes, which are no copies."""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.filler import store_made
from songradar.ml.audio import Wave, read_audio, resample
from songradar.ml.augmentation import change_pitch, change_speed, change_tempo, compress, through_codec

RATE_HZ = 16_000
TAKE_S = 90.0
"""Seconds of a MIDI file that are played."""


@dataclass(frozen=True)
class Kind:
    """A kind of copy: what is done to (T,) samples at RATE_HZ; where in the song it begins; how much faster it is."""

    name: str
    make: Callable[[Wave], Wave]
    start_s: float = 0.0
    speed: float = 1.0


def cut(start_s: float, seconds: float | None = None) -> Callable[[Wave], Wave]:
    first = round(start_s * RATE_HZ)
    last = None if seconds is None else first + round(seconds * RATE_HZ)
    return lambda wave: wave[first:last]


def codec(name: str, bit_rate: int) -> Callable[[Wave], Wave]:
    return lambda wave: through_codec(wave, RATE_HZ, name, bit_rate)


def faster(factor: float) -> Callable[[Wave], Wave]:
    return lambda wave: change_speed(wave, RATE_HZ, factor)


def behind_another_sound(wave: Wave) -> Wave:
    """Ten seconds of noise that swells first, another one for each song, as a station puts its own beginning there."""
    rng = np.random.default_rng(len(wave))
    swelling = np.repeat(rng.uniform(0, 0.2, 40), RATE_HZ // 4)
    return np.concatenate([swelling * rng.standard_normal(10 * RATE_HZ), wave]).astype(np.float32)


KINDS = (
    Kind("Opus, 24 kbit/s", codec("opus", 24_000)),
    Kind("MP3, 64 kbit/s", codec("mp3", 64_000)),
    Kind("AAC, 48 kbit/s", codec("aac", 48_000)),
    Kind("12 dB lower", lambda wave: np.asarray(0.25 * wave, np.float32)),
    Kind("compressed, as on the radio", lambda wave: compress(wave, RATE_HZ)),
    Kind("without the first 7.3 s", cut(7.3), 7.3),
    Kind("behind another 10 s", behind_another_sound, -10.0),
    Kind("30 s out of it, MP3", lambda wave: codec("mp3", 64_000)(cut(20.2, 30)(wave)), 20.2),
    Kind("15 s out of it", cut(21.1, 15), 21.1),
    *(Kind(f"{n} % faster", faster(1 + n / 100), speed=1 + n / 100) for n in (1, 2, 4, 6)),
    Kind("3 % slower", faster(0.97), speed=0.97),
)
TRANSPOSED = (
    Kind("a semitone higher", lambda wave: change_pitch(wave, RATE_HZ, 1)),
    Kind("two semitones higher, 5 % faster", lambda wave: change_tempo(change_pitch(wave, RATE_HZ, 2), RATE_HZ, 1.05)),
)
"""The same recording still, but in another key: whether it is told is counted, not asked for."""


def add_copy(catalogue: Catalogue, encoder: LoadedEncoder, path: Path, kind: Kind) -> int:
    """Store a copy of a song's file; its number."""
    return add_wave(catalogue, encoder, f"{kind.name} of {path}", kind.make(read_audio(path, RATE_HZ)))


def add_wave(catalogue: Catalogue, encoder: LoadedEncoder, name: str, wave: Wave) -> int:
    """Store (T,) samples at RATE_HZ as a song; its number."""
    heard = resample(wave, RATE_HZ, encoder.network.spec.sample_rate_hz)
    fingerprint = encoder.network.fingerprint_song(iter([heard]))
    with catalogue.connection() as connection:
        store_made(connection, encoder, name, fingerprint.positions, fingerprint.embeddings)
        row = connection.execute("SELECT id FROM songradar.songs WHERE title = %s", [name]).fetchone()
    assert row is not None
    return int(row[0])


def play(midi: Path, sound_font: Path) -> Wave:
    """The first TAKE_S of a MIDI file, played with a sound font. (T,) at RATE_HZ."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "take.wav"
        command = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-r", "48000", "-F", file, sound_font, midi]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return read_audio(file, RATE_HZ, round(TAKE_S * RATE_HZ))[: round(TAKE_S * RATE_HZ)]


def takes(midi: Sequence[Path], n: int, rng: np.random.Generator) -> list[Path]:
    """`n` of the MIDI files."""
    return [midi[i] for i in rng.permutation(len(midi))[:n]]
