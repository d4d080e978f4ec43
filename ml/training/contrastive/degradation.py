"""The chain from a song to a stranger's recording of it, drawn at random from real rooms, devices and noises."""

import numpy as np

from songradar.ml import augmentation
from songradar.ml.audio import Wave
from songradar.ml.conditions import PRE_ROLL_S, Surroundings, Warp
from songradar.ml.noise import draw_noise, mix_at_snr, rms
from songradar.ml.training.contrastive.config import Recipe

LEVEL = 0.1
"""Root mean square at which songs are played: 20 dB below full scale."""


def draw_warp(rng: np.random.Generator) -> Warp:
    """None for about half of the recordings; else speed within 10 %, tempo within 12 %, pitch within 1.1 semitones."""
    kind = rng.choice(["none", "speed", "tempo", "pitch"], p=[0.46, 0.18, 0.14, 0.22])
    spread = {"none": 0.0, "speed": 0.1, "tempo": 0.12, "pitch": 1.1}[kind]
    amount = rng.uniform(-spread, spread)
    return Warp(str(kind), amount if kind == "pitch" else 1 + amount)


def play(song: Wave, rate_hz: int, recipe: Recipe, surroundings: Surroundings, rng: np.random.Generator) -> Wave:
    """What arrives at a listener: loudspeaker and room. The first PRE_ROLL_S are heard as reverberation only."""
    pre_roll = round(PRE_ROLL_S * rate_hz)
    if recipe.band_pass and rng.random() < 0.25:
        song = augmentation.band_pass(song, rate_hz, rng.uniform(80, 400), rate_hz / 2, poles=2)
    elif surroundings.devices and rng.random() < 0.2:
        song = augmentation.reverberate(song, augmentation.random_response(surroundings.devices, rng))
    if recipe.room and surroundings.rooms and rng.random() < 0.6:
        return augmentation.reverberate(song, augmentation.random_response(surroundings.rooms, rng), pre_roll)
    return song[pre_roll:]


def record(heard: Wave, rate_hz: int, recipe: Recipe, surroundings: Surroundings, rng: np.random.Generator) -> Wave:
    """What a device makes of it: noise around it, its microphone, its electronics, its codec."""
    if rng.random() < 0.9 and rms(heard):
        noise = draw_noise(surroundings.noises, len(heard), rng)
        heard = mix_at_snr(heard, noise, rng.uniform(-8, 18))
    if surroundings.devices and rng.random() < 0.3:
        heard = augmentation.reverberate(heard, augmentation.random_response(surroundings.devices, rng))
    if recipe.band_pass and rng.random() < 0.5:
        low, high = rng.uniform(50, 500), rng.uniform(2000, rate_hz / 2)
        heard = augmentation.band_pass(heard, rate_hz, low, high, poles=int(rng.choice([2, 4])))
    heard = augmentation.at_level(heard, LEVEL)
    if rng.random() < 0.2:
        heard = augmentation.compress(heard, rate_hz, rng.uniform(-35, -20), rng.uniform(2, 8))
    if rng.random() < 0.2:
        heard = augmentation.clip(heard, rng.uniform(3, 15))
    if recipe.codec and rng.random() < 0.5:
        heard = augmentation.through_codec(heard, rate_hz, str(rng.choice(list(augmentation.CODECS))))
    return heard
