"""Long recordings of which it is known what plays when: songs, faded into each other, with what radio and bars add.

A mix is planned from a seed; `mixing` makes its sound.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from songradar.ml.audio import read_audio
from songradar.ml.noise import rms
from songradar.ml.queries import RATE_HZ, SourceSong

HALF_UP = 1 / 3
"""Part of a fade after which a song has half its amplitude (-6 dB): the faders follow sine and cosine."""

LEAST_SONG_S = 25.0
"""Songs shorter than this are not played."""

AUDIBLE_DB = -30.0
"""How loud a song has to begin and end, compared with all of it: pieces are cut where they can be heard."""


class Kind(StrEnum):
    SONG = "song"
    JINGLE = "jingle"
    TALK = "talk"
    SILENCE = "silence"


@dataclass(frozen=True)
class Part:
    """What of a song can be played: its audible part, or all of a jingle."""

    song: SourceSong
    from_s: float
    to_s: float
    kind: Kind = Kind.SONG


@dataclass(frozen=True)
class Piece:
    """Something that sounds in a mix for `seconds`, the first `fade_s` of it together with the piece before.

    A song is played from `from_s` on, `speed` times as fast.
    """

    kind: Kind
    seconds: float
    fade_s: float = 0.0
    song: SourceSong | None = None
    from_s: float = 0.0
    speed: float = 1.0


@dataclass(frozen=True)
class Truth:
    """A song that plays in a mix, from the file `path`. `source` is None where the catalogue does not hold it.

    It plays from `start_s` to `end_s`, where its fader is half up or more, and there goes from `song_start_s` to
    `song_end_s` of the song. It can be heard a little from `first_s` to `last_s`.
    """

    kind: Kind
    source: str | None
    path: Path
    first_s: float
    start_s: float
    end_s: float
    last_s: float
    song_start_s: float
    song_end_s: float
    speed: float


@dataclass(frozen=True)
class Recipe:
    """How a mix is made: for `minutes` or a little more.

    Of the songs, `absent` is the share of those that the catalogue does not hold, and `changed` of those that are
    played faster or slower by one of `speeds`. Songs fade into each other over `fades_s`, from the least to the most.
    After every `jingle_every` songs comes a jingle of a length in `jingles_s`, and then often talk or silence. With
    `room`, all of it is played in a room, if there is a response of one. Noise and talk have their signal-to-noise
    ratios in dB; people talk over a share `talk_over` of all.
    """

    name: str
    minutes: float = 24.0
    absent: float = 0.2
    changed: float = 0.0
    speeds: tuple[float, ...] = ()
    fades_s: tuple[float, float] = (0.0, 12.0)
    jingles_s: tuple[float, float] = (5.0, 5.0)
    jingle_every: int = 2
    room: bool = False
    noise_snr_db: float | None = None
    talk_snr_db: float = 5.0
    talk_over: float = 0.0
    codec: str | None = None


RADIO = Recipe("radio", changed=1 / 3, speeds=(0.96, 1.04), noise_snr_db=15.0)
BAR = Recipe("bar", jingles_s=(3.0, 5.0), room=True, noise_snr_db=5.0, talk_over=0.5, codec="amr")
RECIPES = (RADIO, BAR)


@dataclass(frozen=True)
class Mix:
    """What plays, and the seed of all that is drawn while it is made to sound."""

    recipe: Recipe
    pieces: tuple[Piece, ...]
    seed: tuple[int, ...]

    @property
    def starts_s(self) -> list[float]:
        """Where each piece begins to be heard."""
        starts, end_s = [], 0.0
        for piece in self.pieces:
            starts.append(end_s - piece.fade_s)
            end_s = starts[-1] + piece.seconds
        return starts

    @property
    def duration_s(self) -> float:
        return self.starts_s[-1] + self.pieces[-1].seconds if self.pieces else 0.0

    @property
    def truths(self) -> list[Truth]:
        """All songs and jingles, in order."""
        fades_out = [piece.fade_s for piece in self.pieces[1:]] + [0.0]
        return [
            _truth(piece, start_s, out_s)
            for piece, start_s, out_s in zip(self.pieces, self.starts_s, fades_out, strict=True)
            if piece.song is not None
        ]


def _truth(piece: Piece, first_s: float, out_s: float) -> Truth:
    assert piece.song is not None
    last_s = first_s + piece.seconds
    start_s, end_s = first_s + HALF_UP * piece.fade_s, last_s - HALF_UP * out_s
    return Truth(
        piece.kind,
        None if piece.song.is_absent else piece.song.source,
        piece.song.path,
        first_s,
        start_s,
        end_s,
        last_s,
        piece.from_s + (start_s - first_s) * piece.speed,
        piece.from_s + (end_s - first_s) * piece.speed,
        piece.speed,
    )


def audible_part(song: SourceSong, kind: Kind = Kind.SONG) -> Part | None:
    """Where a song can be heard; None if a song is too short to be played. Raises AudioReadError."""
    wave = read_audio(song.path, RATE_HZ)
    size = RATE_HZ // 10
    frames = wave[: len(wave) // size * size].reshape(-1, size)
    loud = np.flatnonzero(np.sqrt(np.mean(np.square(frames), axis=1)) > rms(wave) * 10 ** (AUDIBLE_DB / 20))
    if not len(loud) or (kind == Kind.SONG and (loud[-1] + 1 - loud[0]) / 10 < LEAST_SONG_S):
        return None
    return Part(song, loud[0] / 10, (loud[-1] + 1) / 10, kind)


def plan(recipe: Recipe, parts: Sequence[Part], seed: Sequence[int]) -> Mix:
    """A mix of `parts`: songs that the catalogue holds, songs that it does not hold, jingles.

    Of each of these, all are played before one is played again. Raises ValueError where there is no song.
    """
    rng = np.random.default_rng([*seed, 0])
    songs = [part for part in parts if part.kind == Kind.SONG]
    known = _deck([part for part in songs if not part.song.is_absent], rng)
    strange = _deck([part for part in songs if part.song.is_absent], rng)
    jingles = _deck([part for part in parts if part.kind == Kind.JINGLE], rng)
    if not songs:
        raise ValueError("there is no song to mix")
    pieces, n_songs, length_s = list[Piece](), 0, 0.0
    while length_s < 60 * recipe.minutes:
        deck = strange if strange and (not known or rng.random() < recipe.absent) else known
        coming = [_song(next(deck), recipe, rng)]  # type: ignore[arg-type]
        n_songs += 1
        if n_songs % recipe.jingle_every == 0:
            coming += _between(jingles, rng)
        for piece in coming:
            pieces.append(_faded(piece, pieces, recipe, rng))
            length_s += piece.seconds - pieces[-1].fade_s
    return Mix(recipe, tuple(pieces), tuple(seed))


def _deck(parts: Sequence[Part], rng: np.random.Generator) -> Iterator[Part] | None:
    """The parts in random order, again and again; None where there are none."""

    def shuffled() -> Iterator[Part]:
        while True:
            yield from (parts[i] for i in rng.permutation(len(parts)))

    return shuffled() if parts else None


def _song(part: Part, recipe: Recipe, rng: np.random.Generator) -> Piece:
    """Half of the songs from their beginning; all for at least LEAST_SONG_S, three quarters of them or more."""
    room_s = min(0.25 * (part.to_s - part.from_s), part.to_s - part.from_s - LEAST_SONG_S)
    skipped_s = room_s * rng.random() if rng.random() < 0.5 else 0.0
    played_s = part.to_s - part.from_s - skipped_s - (room_s - skipped_s) * rng.random()
    speed = float(rng.choice(recipe.speeds)) if rng.random() < recipe.changed and recipe.speeds else 1.0
    return Piece(Kind.SONG, played_s / speed, 0.0, part.song, part.from_s + skipped_s, speed)


def _between(jingles: Iterator[Part] | None, rng: np.random.Generator) -> list[Piece]:
    """A jingle, and in turn talk, silence, or nothing more."""
    pieces = []
    if jingles is not None:
        part = next(jingles)
        pieces.append(Piece(Kind.JINGLE, part.to_s - part.from_s, 0.0, part.song, part.from_s))
    more = rng.integers(3)
    if more == 0:
        pieces.append(Piece(Kind.TALK, rng.uniform(8, 20)))
    elif more == 1:
        pieces.append(Piece(Kind.SILENCE, rng.uniform(2, 6)))
    return pieces


def _faded(piece: Piece, before: Sequence[Piece], recipe: Recipe, rng: np.random.Generator) -> Piece:
    """The piece with its fade, which only songs have, and which takes a third of neither song."""
    least, most = recipe.fades_s
    songs = before and piece.kind == before[-1].kind == Kind.SONG
    fade_s = min(rng.uniform(least, most), piece.seconds / 3, before[-1].seconds / 3) if songs else 0.0
    return Piece(piece.kind, piece.seconds, fade_s, piece.song, piece.from_s, piece.speed)
