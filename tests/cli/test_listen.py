"""Listening on the command line: songs of real music are named early, followed, and kept."""

import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from songradar import encoders
from songradar.catalogue import Catalogue
from songradar.db import embedded
from songradar.hearing import Questions
from songradar.ml.audio import read_audio
from songradar.ml.package import SHIPPED
from tests import synth
from tests.reach import connect
from tests.stations import Station, on_air

SONGS = Path(str(files("songradar.cli").joinpath("songs_of_the_demo")))
DANCE, FISHING = "us_army_strings_hungarian_dance_5.flac", "karissa_hobbs_lets_go_fishin.ogg"
UNKNOWN = "cynicmusic_waterworks.m4a"
RATE_HZ = 16_000


@pytest.fixture
def catalogue(database, run):
    """Two songs, by the encoder that comes with songradar."""
    with Catalogue.open() as catalogue:
        encoders.add(catalogue, SHIPPED)
        encoders.use(catalogue, SHIPPED)
        encoders.remove(catalogue, "toy")
    run("ingest", SONGS / DANCE, SONGS / FISHING)
    return database


def wave(name, start_s=0.0, end_s=None):
    song = read_audio(SONGS / name, RATE_HZ)
    return song[round(start_s * RATE_HZ) : None if end_s is None else round(end_s * RATE_HZ)]


@pytest.fixture
def evening(tmp_path):
    """15 s of the dance from 5 s on, 8 s that nobody knows, 3 s of silence, the other song from 4 s to its end."""
    silence = np.zeros(3 * RATE_HZ, np.float32)
    pieces = [wave(DANCE, 5, 20), wave(UNKNOWN, 2, 10), silence, wave(FISHING, 4)]
    return synth.write_wav(tmp_path / "evening.wav", np.concatenate(pieces), RATE_HZ)


def events_of(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_songs_are_named_early_and_followed_to_their_end(catalogue, run, evening):
    result = run("listen", "--json", "--patience", "0.2", "--now", "2", evening)
    told = events_of(result)
    started = [event for event in told if event["event"] == "started"]
    now = [event for event in told if event["event"] == "now" and event["number"] == 1]
    ended = [event for event in told if event["event"] == "ended"]

    assert result.exit_code == 0
    assert [event["title"] for event in started] == ["Hungarian Dance No. 5", "Let's Go Fishin'"]
    assert 2 <= started[0]["heard_s"] <= 3.5
    assert started[0]["song_s"] == pytest.approx(5 + started[0]["heard_s"], abs=0.5)
    assert [event["song_s"] for event in now][:3] == pytest.approx(
        [started[0]["song_s"] + s for s in (2, 4, 6)], abs=0.8
    )
    dance, unknown, fishing = ended
    assert (dance["number"], unknown["number"], fishing["number"]) == (1, None, 2)
    assert (dance["song_start_s"], dance["song_end_s"]) == pytest.approx((5, 20), abs=1)
    assert unknown["song_id"] is None
    assert fishing["start_s"] == pytest.approx(26 - 4, abs=5)
    assert not any(event["withdrawn"] for event in ended)


def test_what_was_heard_is_kept_by_the_clock_on_the_wall(catalogue, run, evening):
    before = datetime.now(UTC)
    told = events_of(run("listen", "--json", "--patience", "0.2", evening))
    run("listen", "--no-save", "--patience", "0.2", evening)
    with connect() as connection:
        plays = connection.execute(
            "SELECT title, started_at, ended_at FROM songradar.plays_v1 WHERE recording = %s ORDER BY start_s",
            [str(evening)],
        ).fetchall()
        scans = connection.execute("SELECT finished_at > scanned_at, duration_s FROM songradar.scans").fetchall()

    assert [title for title, *_ in plays] == ["Hungarian Dance No. 5", None, "Let's Go Fishin'"]
    assert before <= plays[0][1] <= before + timedelta(seconds=30)
    ended = [event for event in told if event["event"] == "ended"]
    for (_, started_at, _), event in zip(plays, ended, strict=True):
        assert abs(started_at - datetime.fromisoformat(event["started_at"])) < timedelta(seconds=0.01)
    assert scans == [(True, pytest.approx(52, abs=0.5))]


def test_people_read_a_line_a_playing(catalogue, run, evening):
    result = run("listen", "--no-unknown", "--patience", "0.2", evening)
    _, first, second = result.stdout.splitlines()

    assert "Hungarian Dance No. 5" in first
    assert "Let's Go Fishin' by Karissa Hobbs" in second
    assert "now  0:07  Hungarian Dance No. 5" in result.stderr


def test_short_playings_are_left_out(catalogue, run, evening):
    told = events_of(run("listen", "--json", "--no-unknown", "--patience", "0.2", "--min-played", "20", evening))

    assert {event["title"] for event in told} == {"Let's Go Fishin'"}
    assert told[0]["heard_s"] >= 20


def test_nothing_is_named_where_nothing_is_known(catalogue, run, tmp_path):
    result = run("listen", "--patience", "0.2", synth.write_wav(tmp_path / "a.wav", wave(UNKNOWN), RATE_HZ))

    assert result.exit_code == 1
    assert "no match" in result.stdout


def test_stream_that_breaks_off_goes_on(catalogue, run, tmp_path):
    """A station that drops its listeners after 10 s of the dance and sends the other song to those who come back."""
    programs = []
    for number, piece in enumerate([wave(DANCE, 0, 10), wave(FISHING, 4, 16)]):
        path = synth.encode(tmp_path / f"{number}.mp3", np.repeat(piece, 3), "mp3")
        programs.append(path.read_bytes())
    with on_air(Station([*programs, 404], bytes_per_s=64_000)) as url:
        result = run("listen", "--json", "--no-unknown", "--patience", "1.5", url)
    started = [event["title"] for event in events_of(result) if event["event"] == "started"]

    assert result.exit_code == 2
    assert started == ["Hungarian Dance No. 5", "Let's Go Fishin'"]
    assert f"{url}: breaks off; next attempt in 1 s\n{url}: is heard again\n" in result.stderr
    assert "answers 404 Not Found, and did not come back within 2 s" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_in_good_order(number, catalogue, tmp_path):
    path = synth.encode(tmp_path / "a.mp3", np.repeat(wave(DANCE), 3), "mp3")
    with (
        on_air(Station([path.read_bytes()], bytes_per_s=24_000)) as url,
        subprocess.Popen(
            [sys.executable, "-m", "songradar", "listen", "--json", url], stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        first = json.loads(process.stdout.readline())
        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)
    last = json.loads(rest.splitlines()[-1])

    assert process.returncode == 0
    assert (first["event"], last["event"], last["title"]) == ("started", "ended", "Hungarian Dance No. 5")
    with connect() as connection:
        assert connection.execute("SELECT title FROM songradar.plays").fetchall() == [(last["title"],)]
        assert connection.execute("SELECT finished_at IS NULL FROM songradar.scans").fetchall() == [(False,)]


def test_songs_go_on_while_the_database_is_away(catalogue, server, tmp_path):
    path = synth.encode(tmp_path / "a.mp3", np.repeat(wave(DANCE), 3), "mp3")
    with (
        on_air(Station([path.read_bytes()], bytes_per_s=24_000)) as url,
        subprocess.Popen(
            [sys.executable, "-m", "songradar", "listen", "--json", "--now", "0.5", url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process,
    ):  # fmt: skip
        first = json.loads(process.stdout.readline())
        embedded.stop(server.home)
        away = process.stderr.readline()
        embedded.start(server.home)
        assert any(line == "database: is there again\n" for line in process.stderr)
        returned = datetime.now(UTC)
        now = next(e for e in map(json.loads, process.stdout) if datetime.fromisoformat(e["at"]) > returned)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    last = json.loads(rest.splitlines()[-1])

    assert process.returncode == 0
    assert re.fullmatch(r"database: .*; next attempt in 1 s\n", away)
    assert (first["event"], now["event"], last["event"]) == ("started", "now", "ended")
    assert (last["start_s"], last["title"]) == (pytest.approx(0, abs=0.5), "Hungarian Dance No. 5")
    with connect() as connection:
        assert connection.execute("SELECT title FROM songradar.plays").fetchall() == [(last["title"],)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.wav"], "none.wav: cannot be read (No such file or directory)"),
        (["--device", "nonesuch"], "nonesuch: is no device that can be heard here (see --list-devices)"),
        (["--device", "default", "a.wav"], "either --device or a URL or file"),
        (["--artist", "Nobody", "a.wav"], "the catalogue has no song by Nobody"),
        (["--encoder", "none", "a.wav"], "there is no encoder called none"),
        (["--now", "0", "a.wav"], "0.0 is not in the range x>=0.5"),
    ],
)
def test_what_cannot_be_heard_is_one_sentence(arguments, sentence, catalogue, run):
    result = run("listen", *arguments)

    assert result.exit_code == 2
    assert sentence in result.stderr


def test_empty_catalogue_says_how_to_fill_it(database, run, evening):
    assert "the catalogue has no songs yet" in run("listen", evening).stderr


def test_devices_are_listed(run):
    result = run("listen", "--list-devices")

    assert (result.exit_code, result.stdout.splitlines()[0].split()) == (0, ["device", "what", "it", "is"])


def test_unknown_sound_is_searched_for_early_and_later_in_its_last_seconds():
    questions, asked = Questions(), []
    for half_seconds in range(1, 40):
        asked += questions.due(half_seconds / 2)

    assert asked == [(0, 2), (0, 3), (0, 5), (0, 8), (0, 12), (9.5, 14.5), (12, 17), (14.5, 19.5)]


def test_what_follows_a_song_is_searched_for_anew():
    questions = Questions()
    questions.due(12.0)
    questions.restart(11.0)

    assert [questions.due(at) for at in (12.5, 13.0, 14.0)] == [[], [(11.0, 13.0)], [(11.0, 14.0)]]
