"""Naming recordings on the command line."""

import json
import re
import signal
import subprocess
import sys
import tempfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import psycopg
import pytest

from songradar.cli.answers import print_answer
from songradar.identify import Answer, Match
from songradar.ml.audio import read_audio
from tests import synth
from tests.reach import connect

FULL_DISK = """
    CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE disk_full USING MESSAGE = 'could not extend file: No space left on device'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON songradar.matches FOR EACH ROW EXECUTE FUNCTION public.full()
"""


@pytest.fixture
def clip(tmp_path, music):
    """Five seconds of Birch from 4 s on."""
    song = read_audio(music["Birch"], synth.RATE_HZ)
    return synth.write_wav(tmp_path / "clip.wav", synth.cut(song, 4.0, 5.0))


@pytest.fixture
def catalogue(database, run, music, server):
    """The three songs, with a threshold that only a real match reaches."""
    run("ingest", music["Amber"].parent)
    with psycopg.connect(database) as connection:
        calibration = {"fragments": [1], "intercept": [-6], "lead": [30], "peak": [0], "threshold": [0.5]}
        connection.execute("UPDATE songradar.encoders SET calibration = %s", [json.dumps(calibration)])
    return database


def test_person_sees_title_artist_place_confidence_and_time(catalogue, run, clip):
    result = run("search", clip)
    first = result.stdout.splitlines()[0]

    assert result.exit_code == 0
    assert re.match(re.escape(f"{clip}: Birch by The Trees (from 0:04, confidence ") + r"(100|9\d(\.\d)?) %, ", first)
    assert first.endswith(" s)")


def test_other_files_of_the_recording_are_told(catalogue, run, clip, music, tmp_path):
    """The same song from another album; it is neither a rival nor "what else it could be"."""
    song = read_audio(music["Birch"], synth.RATE_HZ)
    later = np.concatenate([np.zeros(synth.RATE_HZ // 3, np.float32), song])
    run("ingest", synth.write_wav(tmp_path / "The Best Trees.wav", later))
    lines = run("search", clip).stdout.splitlines()
    best, second, *_ = json.loads(run("search", "--json", clip).stdout)["matches"]

    assert sum(line.startswith("    also ") and line.endswith("the same recording)") for line in lines) == 1
    assert (best["same_recording"], second["same_recording"]) == (True, True)
    assert {best["title"], second["title"]} == {"Birch", "The Best Trees"}


def test_recording_of_something_else_is_plainly_no_match(catalogue, run, tmp_path, rng):
    stranger = synth.write_wav(tmp_path / "stranger.wav", synth.melody(rng, 6.0))
    result = run("search", stranger)

    assert result.exit_code == 1
    assert result.stdout.startswith(f"{stranger}: no match (")


def test_json_has_the_documented_fields(catalogue, run, clip):
    (line,) = run("search", "--json", clip).stdout.splitlines()
    answer = json.loads(line)
    best = answer["matches"][0]

    assert list(answer) == ["query", "duration_s", "encoder", "matched", "matches", "timings_ms"]
    assert list(best) == [
        "rank", "song_id", "title", "artist", "album", "isrc", "mbid", "tags", "source", "offset_s", "score",
        "coverage", "confidence", "same_recording",
    ]  # fmt: skip
    assert (answer["query"], answer["duration_s"], answer["encoder"], answer["matched"]) == (
        str(clip),
        5.0,
        "toy",
        True,
    )
    assert (best["title"], best["offset_s"], best["coverage"]) == ("Birch", 4.0, 1.0)
    assert set(answer["timings_ms"]) == {"decode", "encode", "search", "total"}


def test_answers_come_in_the_order_of_the_clips(catalogue, run, clip, tmp_path, music):
    clips = [music["Cedar"], tmp_path / "missing.wav", clip, music["Amber"]]
    result = run("search", "--json", *clips)
    answers = [json.loads(line) for line in result.stdout.splitlines()]

    assert [answer["query"] for answer in answers] == [str(path) for path in clips]
    assert answers[1] == {"query": str(clips[1]), "error": "does not exist"}
    assert result.exit_code == 2


def test_exit_code_tells_the_worst_of_several_clips(catalogue, run, clip, tmp_path, rng):
    stranger = synth.write_wav(tmp_path / "stranger.wav", synth.melody(rng, 6.0))

    assert run("search", clip).exit_code == 0
    assert run("search", clip, stranger, clip).exit_code == 1
    assert run("search", stranger, tmp_path / "missing.wav", clip).exit_code == 2


def test_search_is_kept_unless_told_otherwise(catalogue, run, clip):
    run("search", "--no-save", clip)
    run("search", "--limit", 2, clip)

    with psycopg.connect(catalogue) as connection:
        rows = connection.execute("SELECT query, encoder, title, at, accepted FROM songradar.matches_v1 ORDER BY rank")
        assert rows.fetchall()[0] == (str(clip), "toy", "Birch", "0:04", True)
        assert connection.execute("SELECT count(*) FROM songradar.searches").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM songradar.matches").fetchone() == (2,)


@pytest.mark.parametrize(
    ("hindrance", "reason"),
    [
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", "this session may only read"),
        (FULL_DISK, "the search is not kept: could not extend file: No space left on device"),
    ],
    ids=["only reads", "disk full"],
)
def test_answer_that_cannot_be_kept_is_given_all_the_same(catalogue, run, clip, hindrance, reason):
    with psycopg.connect(catalogue, autocommit=True) as connection:
        connection.execute(hindrance.format(name=connection.info.dbname))
    result = run("search", "--json", clip)

    assert json.loads(result.stdout)["matches"][0]["title"] == "Birch"
    assert reason in result.stderr
    assert result.exit_code == 0


def test_exact_search_says_the_same(catalogue, run, clip):
    """As a thorough look does; a first look that is sure enough asks for the neighbours of fewer fragments."""
    first = json.loads(run("search", "--json", clip).stdout)["matches"][0]
    with connect() as connection:
        connection.execute("UPDATE songradar.encoders SET sure = NULL")
    answers = [json.loads(run("search", "--json", *options, clip).stdout) for options in ((), ("--exact",))]

    assert answers[0]["matches"][0] == answers[1]["matches"][0]
    assert first == answers[1]["matches"][0] | {"confidence": first["confidence"]}
    assert first["confidence"] == pytest.approx(answers[1]["matches"][0]["confidence"], abs=0.01)
    assert "plan" not in answers[0]


def test_search_looks_only_among_the_songs_asked_for(catalogue, run, clip, music):
    run("songs", "remove", *numbers(run, "amber"), "--yes")
    run("ingest", "--collection", "archive", music["Amber"])
    everywhere, here, by = (
        run("search", "--json", *options, clip)
        for options in ((), ("--collection", "archive"), ("--artist", "the trees"))
    )

    assert json.loads(everywhere.stdout)["matches"][0]["title"] == "Birch"
    assert [match["title"] for match in json.loads(here.stdout)["matches"]] == ["Amber"]
    assert here.exit_code == 1  # no match, although there is no other song to choose
    assert json.loads(by.stdout)["matches"] == json.loads(everywhere.stdout)["matches"]


def numbers(run, text):
    return [json.loads(line)["song_id"] for line in run("songs", "list", text, "--json").stdout.splitlines()]


def test_collection_without_songs_is_named(catalogue, run, clip):
    result = run("search", "--collection", "nix", clip)

    assert (result.exit_code, result.stderr) == (2, "songradar: the catalogue has no song in the collection nix\n")


def test_explained_search_shows_its_stages_and_the_plan(catalogue, run, clip):
    lines = run("search", "--explain", clip).stdout.splitlines()
    answer = json.loads(run("search", "--json", "--explain", "--exact", clip).stdout)

    stages = r"    decode [\d.]+ ms, encode [\d.]+ ms, search [\d.]+ ms, total [\d.]+ ms"
    (place,) = (i for i, line in enumerate(lines) if re.fullmatch(stages, line))
    assert "Birch" in lines[0]
    assert "Execution Time" in lines[-1]
    assert "first look" in lines[place + 1]
    assert "actual time" in lines[place + 2]
    assert any("on fragments_" in line for line in answer["plan"])
    assert not any("_code_idx" in line for line in answer["plan"])


def test_limit_bounds_the_candidates(catalogue, run, clip):
    assert len(json.loads(run("search", "--json", "-n", 1, clip).stdout)["matches"]) == 1
    assert len(json.loads(run("search", "--json", clip).stdout)["matches"]) == 3


@pytest.mark.parametrize(
    ("codec", "suffix", "rate_hz"),
    [("libmp3lame", "mp3", 44_100), ("aac", "m4a", 48_000), ("libopus", "opus", 48_000), ("wmav2", "wma", 44_100)],
)
def test_clip_is_named_in_other_formats_than_the_song(codec, suffix, rate_hz, catalogue, run, clip, tmp_path):
    other = synth.encode(tmp_path / f"clip.{suffix}", read_audio(clip, rate_hz), codec, rate_hz)
    answer = json.loads(run("search", "--json", other).stdout)

    assert answer["matches"][0]["title"] == "Birch"
    assert answer["matches"][0]["offset_s"] == pytest.approx(4.0, abs=0.25)


def test_quiet_clip_is_still_found(catalogue, run, tmp_path, clip):
    whisper = synth.write_wav(tmp_path / "whisper.wav", read_audio(clip, synth.RATE_HZ) * 0.05)

    assert json.loads(run("search", "--json", whisper).stdout)["matches"][0]["title"] == "Birch"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_reader_that_closes_the_pipe_ends_it_quietly(catalogue, clip):
    command = f"{sys.executable} -m songradar search --json {' '.join([str(clip)] * 30)} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)

    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_empty_catalogue_says_how_to_fill_it_and_keeps_no_search(database, run, clip):
    result = run("search", "--json", clip)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "songradar: the catalogue has no songs yet: songradar ingest ~/Music\n"
    with connect() as connection:
        assert connection.execute("SELECT count(*) FROM songradar.searches").fetchone() == (0,)


def test_folder_stands_for_the_recordings_in_it_and_dash_for_standard_input(catalogue, run, clip, music):
    folder = run("search", "--json", music["Amber"].parent)
    piped = run("search", "--json", "-", input=clip.read_bytes())
    titles = [json.loads(line)["matches"][0]["title"] for line in folder.stdout.splitlines()]
    answer = json.loads(piped.stdout)

    assert titles == ["Amber", "Birch", "Cedar"]
    assert (answer["query"], answer["matches"][0]["title"]) == ("standard input", "Birch")


def test_no_sound_of_what_is_heard_stays_behind(catalogue, run, clip, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    named, scanned = (run(command, "-", input=clip.read_bytes()) for command in ("search", "scan"))

    assert "Birch" in named.stdout
    assert "Birch" in scanned.stdout
    assert list((tmp_path / "temporary").iterdir()) == []


def test_recording_on_the_web_is_fetched(catalogue, run, clip):
    with ThreadingHTTPServer(("127.0.0.1", 0), QuietHandler) as server:
        QuietHandler.folder = str(clip.parent)
        Thread(target=server.serve_forever, daemon=True).start()
        there, missing, text = (
            f"http://127.0.0.1:{server.server_port}/{name}" for name in ("clip.wav", "gone.wav", "text.wav")
        )
        (clip.parent / "text.wav").write_text("no audio")
        result = run("search", "--json", there, missing, text)
        server.shutdown()
    found, gone, no_audio = (json.loads(line) for line in result.stdout.splitlines())

    assert (found["query"], found["matches"][0]["title"]) == (there, "Birch")
    assert gone == {"query": missing, "error": "cannot be fetched (File not found)"}
    assert no_audio == {"query": text, "error": "is not audio that can be decoded"}
    assert result.exit_code == 2


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    folder = "."

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, directory=self.folder)

    def log_message(self, *_: object) -> None:
        pass


def test_other_candidates_are_shown_when_they_matter_or_when_asked_for(capsys):
    matches = [
        Match(rank, rank, f"Song {rank}", None, "/a", 0.0, 0.9, 1.0, 0.1, 0.5, 8, confidence, rank == 1, rank == 1)
        for rank, confidence in enumerate((0.98, 0.26, 0.01), start=1)
    ]
    answer = Answer("clip.wav", "toy", 1, 5.0, matches, timings_ms={"total": 100.0})
    print_answer(answer)
    plain = capsys.readouterr().out.splitlines()
    print_answer(answer, everything=True)

    assert [line.split()[-1] for line in plain[1:]] == ["2"]
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]] == ["2", "3"]


def test_help_says_how_long_a_clip_should_be(run):
    assert "Five seconds are usually enough" in run("search", "--help").stdout


def test_interrupted_search_ends_with_130(catalogue, clip):
    command = [sys.executable, "-m", "songradar", "search", *[str(clip)] * 200]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it starts in the background
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (130, "interrupted\n")


def test_old_searches_are_pruned(catalogue, run, clip):
    run("search", clip, clip)
    with connect() as connection:
        connection.execute("UPDATE songradar.searches SET searched_at = now() - interval '91 days' WHERE id = 1")
    pruned, wrong = run("searches", "prune", "--older-than", "90d"), run("searches", "prune", "--older-than", "soon")
    with connect() as connection:
        left = connection.execute("SELECT id FROM songradar.searches").fetchall()

    assert (pruned.exit_code, pruned.stdout, left) == (0, "1 search removed\n", [(2,)])
    assert (wrong.exit_code, "'soon' is no age such as 12h, 90d or 8w" in wrong.stderr) == (2, True)
