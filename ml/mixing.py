"""The sound of mixes, a piece at a time: no more than a few songs are in memory."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, pairwise

import numpy as np

from songradar.ml import augmentation
from songradar.ml.audio import Wave, excerpt, read_audio
from songradar.ml.conditions import Surroundings
from songradar.ml.mixes import Kind, Mix, Piece, Recipe
from songradar.ml.noise import draw_noise
from songradar.ml.queries import RATE_HZ

LEVEL = 0.1
"""Root mean square of each piece: -20 dB. Noise and talk are softer than this by their ratios, also over silence."""

NOISE_S = 20.0
"""How long a noise lasts before another one is drawn."""

TALK_S = (5.0, 20.0)
"""How long people talk, and how long they do not, if they talk half of the time."""

BLOCK_S, WARM_UP_S = 30.0, 1.0
"""Rooms and codecs are given blocks of this length, and before each a second more, whose own sound is thrown away."""


def sound(mix: Mix, surroundings: Surroundings) -> Iterator[Wave]:
    """The mix at RATE_HZ, in blocks. The same mix and surroundings give the same sound."""
    recipe = mix.recipe
    blocks = _joined(mix.pieces, surroundings, np.random.default_rng([*mix.seed, 1]))
    if recipe.room and surroundings.rooms:
        response = augmentation.random_response(surroundings.rooms, np.random.default_rng([*mix.seed, 4]))
        blocks = _in_context(blocks, lambda wave, n_before: augmentation.reverberate(wave, response, n_before))
    if recipe.noise_snr_db is not None:
        blocks = _over_noise(blocks, surroundings, recipe.noise_snr_db, np.random.default_rng([*mix.seed, 2]))
    if recipe.talk_over:
        blocks = _over_talk(blocks, surroundings, recipe, np.random.default_rng([*mix.seed, 3]))
    blocks = (np.clip(block, -1, 1) for block in blocks)
    if recipe.codec is not None:
        blocks = _in_context(
            blocks, lambda wave, n_before: augmentation.through_codec(wave, RATE_HZ, str(recipe.codec))[n_before:]
        )
    return blocks


def _joined(pieces: Sequence[Piece], surroundings: Surroundings, rng: np.random.Generator) -> Iterator[Wave]:
    """The pieces one after the other, faded into each other."""
    under = np.zeros(0, np.float32)  # what is left of the piece before, faded out
    n_due, due_s = 0, 0.0
    for piece, following in pairwise(chain(pieces, [None])):
        assert piece is not None
        wave = _sound(piece, surroundings, rng)
        fade_in = _fade(len(under))
        wave[: len(under)] = wave[: len(under)] * fade_in + under
        due_s += piece.seconds - (following.fade_s if following else 0.0)
        n_free = min(len(wave), round(due_s * RATE_HZ) - n_due)
        under = wave[n_free:] * _fade(len(wave) - n_free)[::-1]
        n_due += n_free
        yield wave[:n_free]
    yield under


def _fade(size: int) -> Wave:
    """From 0 to 1 in a quarter of a sine; with its mirror image, the power stays what it is."""
    return np.asarray(np.sin(np.arange(size) * (math.pi / 2 / max(1, size))), np.float32)


def _sound(piece: Piece, surroundings: Surroundings, rng: np.random.Generator) -> Wave:
    size = round(piece.seconds * RATE_HZ)
    if piece.song is None:
        talk = draw_noise(surroundings.talk, size, rng) if piece.kind == Kind.TALK else np.zeros(size, np.float32)
        return augmentation.at_level(talk, LEVEL)
    start, played = round(piece.from_s * RATE_HZ), round(piece.seconds * piece.speed * RATE_HZ)
    wave = excerpt(read_audio(piece.song.path, RATE_HZ), start, played)
    if piece.speed != 1:
        wave = augmentation.change_speed(wave, RATE_HZ, piece.speed)
    return augmentation.at_level(excerpt(wave, 0, size), LEVEL)


def _over_noise(
    blocks: Iterable[Wave], surroundings: Surroundings, snr_db: float, rng: np.random.Generator
) -> Iterator[Wave]:
    level = LEVEL * 10 ** (-snr_db / 20)
    for block in _of_size(blocks, round(NOISE_S * RATE_HZ)):
        yield block + augmentation.at_level(draw_noise(surroundings.noises, len(block), rng), level)


def _over_talk(
    blocks: Iterable[Wave], surroundings: Surroundings, recipe: Recipe, rng: np.random.Generator
) -> Iterator[Wave]:
    """Somebody talks, is silent, and somebody else talks."""
    level = LEVEL * 10 ** (-recipe.talk_snr_db / 20)
    left, talking = 0, False
    talk = np.zeros(0, np.float32)
    for block in blocks:
        mixed, done = block.copy(), 0
        while done < len(block):
            if not left:
                talking = not talking
                share = recipe.talk_over if talking else 1 - recipe.talk_over
                left = max(1, round(2 * share * rng.uniform(*TALK_S) * RATE_HZ))
                talk = augmentation.at_level(draw_noise(surroundings.talk, left, rng), level) if talking else talk[:0]
            size = min(left, len(block) - done)
            if talking:
                mixed[done : done + size] += talk[len(talk) - left :][:size]
            done, left = done + size, left - size
        yield mixed


def _in_context(blocks: Iterable[Wave], change: Callable[[Wave, int], Wave]) -> Iterator[Wave]:
    """The blocks changed; `change` takes a wave and how many samples at its beginning are only to be remembered."""
    before = np.zeros(0, np.float32)
    for block in _of_size(blocks, round(BLOCK_S * RATE_HZ)):
        yield change(np.concatenate([before, block]), len(before))
        before = block[-round(WARM_UP_S * RATE_HZ) :]


def _of_size(blocks: Iterable[Wave], size: int) -> Iterator[Wave]:
    """The same samples in blocks of `size`, the last one shorter."""
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if len(held):
        yield held
