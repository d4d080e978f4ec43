"""Named conditions under which an excerpt of a song is recorded: what encoders are evaluated on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from songradar.ml import augmentation
from songradar.ml.audio import Wave
from songradar.ml.noise import draw_noise, mix_at_snr, rms

PRE_ROLL_S = 1.0
"""What is heard of the moment before an excerpt, as reverberation."""

PHONE_CODECS = ("amr", "opus", "mp3")


@dataclass(frozen=True)
class Surroundings:
    """Where songs are played and recorded: noises, room and device responses, waves at one sample rate."""

    noises: Sequence[Wave] = ()
    rooms: Sequence[Wave] = ()
    devices: Sequence[Wave] = ()

    @classmethod
    def read(cls, noises: Sequence[Wave], responses: Sequence[Path], rate_hz: int) -> Self:
        """With the impulse responses in these files: of a device where the name begins with device, else of a room.

        Raises AudioReadError.
        """
        devices = [path for path in responses if path.name.startswith("device")]
        rooms = [path for path in responses if path not in devices]
        read = augmentation.read_responses
        return cls(noises, rooms=read(rooms, rate_hz), devices=read(devices, rate_hz))

    @property
    def digest(self) -> str:
        """What identifies them."""
        kinds = (self.noises, self.rooms, self.devices)
        parts = [hashlib.sha256(wave.tobytes()).hexdigest() for kind in kinds for wave in kind]
        return hashlib.sha256(repr(([len(kind) for kind in kinds], parts)).encode()).hexdigest()


@dataclass(frozen=True)
class Warp:
    """How a recording's time and pitch relate to the song's: "speed", "tempo" (factors), "pitch" (semitones)."""

    kind: str = "none"
    amount: float = 1.0

    @property
    def pace(self) -> float:
        """Seconds of the song that pass in one second of the recording."""
        return self.amount if self.kind in ("speed", "tempo") else 1.0

    def apply(self, wave: Wave, rate_hz: int) -> Wave:
        """(T,) -> about (T / pace,)."""
        match self.kind:
            case "speed":
                return augmentation.change_speed(wave, rate_hz, self.amount)
            case "tempo":
                return augmentation.change_tempo(wave, rate_hz, self.amount)
            case "pitch":
                return augmentation.change_pitch(wave, rate_hz, self.amount)
            case _:
                return wave


@dataclass(frozen=True)
class Condition:
    """One way to record: in a room, in noise, with a phone, in this order; `snr_db` is the music's level above the
    noise's where it is recorded. `warp` names a kind of Warp, `amount` says how far it goes, up or down.

    `aligned` recordings start with the song's first sample, as in the article; all others anywhere.
    """

    name: str
    snr_db: float | None = None
    room: bool = False
    phone: bool = False
    warp: str = "none"
    amount: float = 0.0
    aligned: bool = False

    @property
    def everyday(self) -> bool:
        """Played as it is, not in a reverberant room, in noise that is not louder: what must be answered."""
        return self.warp == "none" and not self.room and (self.snr_db is None or self.snr_db >= 0)

    def draw_warp(self, rng: np.random.Generator) -> Warp:
        """Up or down, with equal chance."""
        amount = self.amount * rng.choice([-1, 1])
        return Warp(self.warp, amount if self.warp == "pitch" else 1 + amount)

    def record(
        self, played: Wave, size: int, rate_hz: int, surroundings: Surroundings, rng: np.random.Generator
    ) -> Wave:
        """(size,): what is recorded of `played`, after its first PRE_ROLL_S, which are heard as reverberation only."""
        pre_roll = round(PRE_ROLL_S * rate_hz)
        if self.room:
            heard = augmentation.reverberate(played, augmentation.random_response(surroundings.rooms, rng), pre_roll)
        else:
            heard = played[pre_roll:]
        heard = heard[:size]
        if self.snr_db is not None and rms(heard):
            heard = mix_at_snr(heard, draw_noise(surroundings.noises, len(heard), rng), self.snr_db)
        if self.phone:
            if surroundings.devices:
                heard = augmentation.reverberate(heard, augmentation.random_response(surroundings.devices, rng))
            heard = augmentation.band_pass(heard, rate_hz, 300, 3400)
            heard = augmentation.through_codec(heard, rate_hz, str(rng.choice(PHONE_CODECS)))
        return heard


CONDITIONS = (
    Condition("clean, from the start", aligned=True),
    Condition("clean"),
    Condition("noise 10 dB", snr_db=10),
    Condition("noise 5 dB", snr_db=5),
    Condition("noise 0 dB", snr_db=0),
    Condition("noise -5 dB", snr_db=-5),
    Condition("room + noise 5 dB", snr_db=5, room=True),
    Condition("phone chain", snr_db=10, phone=True),
    Condition("speed 2 %", warp="speed", amount=0.02),
    Condition("tempo 4 %", warp="tempo", amount=0.04),
    Condition("pitch 0.5 semitones", warp="pitch", amount=0.5),
)


def usable(conditions: Sequence[Condition], surroundings: Surroundings) -> list[Condition]:
    """Those conditions that can be met: none in rooms where there is no response of a room."""
    return [condition for condition in conditions if surroundings.rooms or not condition.room]
