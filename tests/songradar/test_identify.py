"""identify takes a recording in whatever form it is at hand."""

import io

import numpy as np
import pytest

from songradar import Catalogue, SearchOptions
from songradar.db.errors import SongUnknown
from songradar.encoders import recalibrate
from songradar.identify import identify, keep
from songradar.ingest import ingest
from songradar.ml.audio import read_audio
from songradar.ml.errors import AudioReadError


@pytest.fixture
def catalogue(database, music):
    """Three songs, by the toy encoder."""
    with Catalogue.open(database) as opened:
        list(ingest(opened, music.values()))
        weights = {"fragments": [1], "intercept": [-6], "lead": [60], "peak": [0], "threshold": [0.5]}
        recalibrate(opened, "toy", weights)
        yield opened


@pytest.fixture
def birch(music):
    """Birch from the fourth second on, (T,) at 16 kHz."""
    return read_audio(music["Birch"], 16_000)[4 * 16_000 :]


def test_path_bytes_file_and_samples_name_the_same_song(catalogue, music):
    path = music["Birch"]
    file = path.open("rb")
    wave = read_audio(path, 16_000)
    stereo = np.stack([wave, wave], axis=1)
    forms = (
        path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), file,
        (wave, 16_000), (stereo, 16_000), ((wave * 32767).astype(np.int16), 16_000), (wave.astype(np.float64), 16_000),
    )  # fmt: skip
    answers = [identify(catalogue, form) for form in forms]
    file.close()

    assert [answer.matches[0].title for answer in answers] == ["Birch"] * len(forms)
    assert [answer.query for answer in answers][:5] == [str(path), str(path), "recording", "recording", str(path)]
    assert all(answer.duration_s == pytest.approx(12, abs=0.01) for answer in answers)


def test_answer_says_where_and_how_sure(catalogue, birch):
    answer = identify(catalogue, (birch, 16_000), SearchOptions(limit=2))
    best = answer.matches[0]

    assert (answer.matched, len(answer.matches), best.artist) == (True, 2, "The Trees")
    assert best.offset_s == pytest.approx(4, abs=0.1)
    assert best.source.endswith("Birch.wav")
    assert set(answer.timings_ms) == {"decode", "encode", "search", "total"}


def test_silence_and_a_moment_are_no_match_with_a_reason(catalogue):
    silence = identify(catalogue, (np.zeros(80_000, np.float32), 16_000))
    moment = identify(catalogue, (np.ones(1600, np.float32), 16_000))

    assert (silence.matched, silence.reason, silence.duration_s) == (False, "is silent", 5.0)
    assert moment.reason.startswith("is too short: 0.1 s")


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(0, np.float32), r"has the shape \(0,\)"),
        (np.zeros((2, 2, 2), np.float32), r"has the shape \(2, 2, 2\)"),
        (np.zeros(100, np.uint8), "has samples of type uint8"),
        (np.zeros(100, np.complex64), "has samples of type complex64"),
    ],
)
def test_samples_that_are_no_recording_are_refused(catalogue, samples, reason):
    with pytest.raises(AudioReadError, match=f"recording: {reason}"):
        identify(catalogue, (samples, 16_000))


def test_bytes_that_are_no_audio_are_refused_by_a_name_that_the_caller_knows(catalogue):
    with pytest.raises(AudioReadError, match="^recording: is not audio that can be decoded$"):
        identify(catalogue, b"no audio " * 100)


def test_choice_without_songs_is_an_error(catalogue, music):
    with pytest.raises(SongUnknown, match="no song by Nobody"):
        identify(catalogue, music["Birch"], SearchOptions(artist="Nobody"))


def test_artist_and_collection_choose(catalogue, music, birch):
    list(ingest(catalogue, music["Amber"]))

    assert identify(catalogue, (birch, 16_000), SearchOptions(artist="the trees")).matches[0].title == "Birch"


@pytest.mark.parametrize(("which", "n_searches", "n_matches"), [("all", 1, 3), ("accepted", 1, 1), ("none", 0, 0)])
def test_what_is_kept_of_a_search_is_a_setting(catalogue, run, birch, which, n_searches, n_matches):
    run("searches", "keep", which)
    kept = keep(catalogue, identify(catalogue, (birch, 16_000)))
    with catalogue.connection() as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM songradar.searches), (SELECT count(*) FROM songradar.matches)"
        ).fetchone()

    assert counts == (n_searches, n_matches)
    assert (kept is None) == (which == "none")


def test_long_recording_is_thinned_before_the_network(catalogue, monkeypatch):
    """An hour costs the network a few times 128 fragments, not the 14,400 that there are."""
    encoder = catalogue.encoder().network
    n_embedded = []
    embed = encoder.embed
    monkeypatch.setattr(encoder, "embed", lambda fragments: n_embedded.append(len(fragments)) or embed(fragments))
    noise = np.random.default_rng(0).standard_normal(3600 * 8000).astype(np.float32) / 10
    fingerprint = encoder.fingerprint_query([noise])

    assert 64 <= len(fingerprint.positions) <= 128
    assert len(set(np.diff(fingerprint.positions).tolist())) == 1
    assert sum(n_embedded) < 1000
