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
"""Seconds of the song before an excerpt; only their reverberation is heard in the recording."""

PHONE_CODECS = ("amr", "opus", "mp3")

MICROPHONE_HZ = (150, 5000)
"""What a small microphone in a case carries, at full level, of what reaches it."""

TELEPHONE_HZ = (300, 3400)


@dataclass(frozen=True)
class Surroundings:
    """Where songs are played and recorded: noises, people who talk, room and device responses; at one sample rate."""

    noises: Sequence[Wave] = ()
    rooms: Sequence[Wave] = ()
    devices: Sequence[Wave] = ()
    talk: Sequence[Wave] = ()

    @classmethod
    def read(cls, noises: Sequence[Wave], responses: Sequence[Path], rate_hz: int, talk: Sequence[Wave] = ()) -> Self:
        """Read the impulse responses. Files whose names begin with "device" are of devices; all others are of rooms.

        Raises AudioReadError.
        """
        devices = [path for path in responses if path.name.startswith("device")]
        rooms = [path for path in responses if path not in devices]
        read = augmentation.read_responses
        return cls(noises, read(rooms, rate_hz), read(devices, rate_hz), talk)

    @property
    def digest(self) -> str:
        """A SHA-256 digest (hexadecimal) that identifies the noises and responses."""
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
    """One way to record. The song is warped, and what is played passes `loudspeaker`, `room`, noise, `microphone` and
    `phone`, in this order.

    `snr_db` is the signal-to-noise ratio at the microphone; with `over_talk`, the noise is somebody talking. `warp`
    names a kind of Warp, and `amount` is its size, up or down. `aligned` recordings start with the song's first sample,
    as in the article; others start anywhere. Of `half` of a recording, the first or the second, only "talk" is heard,
    or "another song".
    """

    name: str
    snr_db: float | None = None
    over_talk: bool = False
    loudspeaker: bool = False
    room: bool = False
    microphone: bool = False
    phone: bool = False
    warp: str = "none"
    amount: float = 0.0
    aligned: bool = False
    half: str = ""

    @property
    def everyday(self) -> bool:
        """Whether it has no warp, no reverberant room and an SNR of at least 0 dB: such queries must be answered."""
        return self.warp == "none" and not self.room and not self.half and (self.snr_db is None or self.snr_db >= 0)

    def draw_warp(self, rng: np.random.Generator) -> Warp:
        """A Warp of this condition's amount, up or down with equal probability."""
        amount = self.amount * rng.choice([-1, 1])
        return Warp(self.warp, amount if self.warp == "pitch" else 1 + amount)

    def record(
        self, played: Wave, size: int, rate_hz: int, surroundings: Surroundings, rng: np.random.Generator
    ) -> Wave:
        """Record `size` samples of `played`. Of its first PRE_ROLL_S seconds, only the reverberation is heard."""
        pre_roll = round(PRE_ROLL_S * rate_hz)
        if self.loudspeaker:
            played = _through_device(played, surroundings, rng)
        if self.room:
            heard = augmentation.reverberate(played, augmentation.random_response(surroundings.rooms, rng), pre_roll)
        else:
            heard = played[pre_roll:]
        heard = heard[:size]
        if self.snr_db is not None and rms(heard):
            noises = surroundings.talk if self.over_talk else surroundings.noises
            heard = mix_at_snr(heard, draw_noise(noises, len(heard), rng), self.snr_db)
        if self.microphone:
            heard = augmentation.band_pass(heard, rate_hz, *MICROPHONE_HZ)
        if self.phone:
            heard = _through_device(heard, surroundings, rng)
            heard = augmentation.band_pass(heard, rate_hz, *TELEPHONE_HZ)
            heard = augmentation.through_codec(heard, rate_hz, str(rng.choice(PHONE_CODECS)))
        return heard


def _through_device(wave: Wave, surroundings: Surroundings, rng: np.random.Generator) -> Wave:
    """`wave` through one of the devices, if there is any."""
    if not surroundings.devices:
        return wave
    return augmentation.reverberate(wave, augmentation.random_response(surroundings.devices, rng))


CONDITIONS = (
    Condition("clean, from the start", aligned=True),
    Condition("clean"),
    Condition("noise 10 dB", snr_db=10),
    Condition("noise 5 dB", snr_db=5),
    Condition("noise 0 dB", snr_db=0),
    Condition("noise -5 dB", snr_db=-5),
    Condition("talk 5 dB", snr_db=5, over_talk=True),
    Condition("talk 0 dB", snr_db=0, over_talk=True),
    Condition("room + noise 5 dB", snr_db=5, room=True),
    Condition("loudspeaker, room, noise 5 dB, microphone", snr_db=5, loudspeaker=True, room=True, microphone=True),
    Condition("phone chain", snr_db=10, phone=True),
    Condition("speed 2 %", warp="speed", amount=0.02),
    Condition("speed 5 %", warp="speed", amount=0.05),
    Condition("speed 8 %", warp="speed", amount=0.08),
    Condition("tempo 4 %", warp="tempo", amount=0.04),
    Condition("pitch 0.5 semitones", warp="pitch", amount=0.5),
    Condition("pitch 1 semitone", warp="pitch", amount=1.0),
    Condition("half of it talk", half="talk"),
    Condition("half of it another song", half="another song"),
)


def usable(conditions: Sequence[Condition], surroundings: Surroundings) -> list[Condition]:
    """The conditions that can be simulated: rooms need an impulse response of a room, and talk recordings of it."""
    return [
        condition
        for condition in conditions
        if (surroundings.rooms or not condition.room)
        and (surroundings.talk or not (condition.over_talk or condition.half == "talk"))
    ]
