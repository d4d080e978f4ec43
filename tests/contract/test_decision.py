"""The shipped weights dare to name a song, and only that song, where there is no other to choose from."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from songradar.db.encoders import add_encoder, use_encoder
from songradar.ml.audio import Wave, read_audio
from songradar.ml.noise import mix_at_snr, pink_noise
from songradar.ml.package import SHIPPED, read_shipped
from tests import synth
from tests.reach import engine

DEMO = Path(str(files("songradar.cli").joinpath("songs_of_the_demo")))
SONGS = sorted(path for path in DEMO.iterdir() if path.suffix != ".md")
ALONE = [
    "karissa_hobbs_lets_go_fishin.ogg",
    "kevin_macleod_sugar_plum_fairy.mp3",
    "us_army_strings_hungarian_dance_5.flac",
]


@pytest.fixture
def catalogue(database):
    """An empty catalogue with the shipped encoder."""
    add_encoder(engine(), read_shipped())
    use_encoder(engine(), SHIPPED)


@pytest.fixture
def matched(run, tmp_path) -> Callable[..., list[bool]]:
    """`matched(waves, "--artist", NAME)`: whether each of them is accepted as a song."""

    def matched(waves: list[Wave], *options: str) -> list[bool]:
        clips = [synth.write_wav(tmp_path / f"clip {number:03}.wav", wave) for number, wave in enumerate(waves)]
        answers = run("search", "--json", "--no-save", *options, *clips).stdout.splitlines()
        assert len(answers) == len(waves)
        return [json.loads(answer)["matched"] for answer in answers]

    return matched


def pieces(path: Path, lengths_s: tuple[float, ...], rng: np.random.Generator, snr_db: float = np.inf) -> list[Wave]:
    """Five pieces of each length from anywhere in a song, the quietest places left out; with pink noise over them."""
    song = read_audio(path, synth.RATE_HZ)
    cuts = []
    for length_s in lengths_s:
        starts_s = rng.uniform(0, len(song) / synth.RATE_HZ - length_s, 10)
        of_length = sorted((synth.cut(song, start_s, length_s) for start_s in starts_s), key=np.std)[5:]
        cuts += [
            mix_at_snr(cut, pink_noise(len(cut), rng), snr_db) if np.isfinite(snr_db) else cut for cut in of_length
        ]
    return cuts


def strangers(but: str, rng: np.random.Generator) -> list[Wave]:
    """Pieces of all other songs of the demo, of melodies, of noise and of what sounds like speech."""
    others = [cut for path in SONGS if path.name != but for cut in pieces(path, (3, 10), rng)]
    melodies = [synth.melody(rng, seconds) for seconds in (3, 10) for _ in range(14)]
    noises = [noise(round(seconds * synth.RATE_HZ)) for seconds in (3, 10) for noise in (
        lambda size: (0.1 * rng.standard_normal(size)).astype(np.float32),
        lambda size: pink_noise(size, rng),
        lambda size: synth.speech(rng, size / synth.RATE_HZ),
    )]  # fmt: skip
    return [*others, *melodies, *noises]


@pytest.mark.parametrize("name", ALONE)
def test_catalogue_of_one_song_names_its_pieces_and_nothing_else(name, catalogue, run, matched, rng):
    run("ingest", DEMO / name)

    assert all(matched(pieces(DEMO / name, (3, 5, 10), rng)))
    assert all(matched(pieces(DEMO / name, (5, 10), rng, snr_db=10)))
    assert not any(matched(strangers(name, rng)))


@pytest.mark.parametrize("name", ALONE)
def test_choice_of_one_song_names_its_pieces_and_nothing_else(name, catalogue, run, matched, rng):
    run("ingest", *(path for path in SONGS if path.name != name))
    run("ingest", "--collection", "chosen", DEMO / name)

    assert all(matched(pieces(DEMO / name, (3, 5, 10), rng), "--collection", "chosen"))
    assert not any(matched(strangers(name, rng), "--collection", "chosen"))


def test_copy_in_another_format_leaves_a_song_as_sure_as_it_was(catalogue, run, matched, tmp_path, rng):
    song = read_audio(DEMO / ALONE[0], 48_000)
    later = np.concatenate([np.zeros(48_000 // 3, np.float32), song])
    run("ingest", DEMO, synth.encode(tmp_path / "compilation.mp3", later, "libmp3lame"))

    assert all(matched(pieces(DEMO / ALONE[0], (3, 5, 10), rng)))
