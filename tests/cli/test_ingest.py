"""Filling the catalogue: once, wholly, and again."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import psycopg
import pytest

from tests import synth


def ingest_json(run, *arguments):
    """(records by file name, summary, result) of `ingest --json`."""
    result = run("ingest", "--json", *arguments)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return {Path(line["source"]).name: line for line in lines[:-1]}, lines[-1]["summary"], result


def ask(url: str, statement: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def test_folder_is_ingested_with_names_from_the_files(database, run, music):
    result = run("ingest", music["Amber"].parent)

    assert result.exit_code == 0
    assert result.stdout.startswith("3 added, 0 already there, 0 failed\n0.01 h of audio, 69 fragments in ")
    assert ask(database, "SELECT title, artist FROM songradar.songs_v1 ORDER BY 1") == [
        ("Amber", "The Trees"), ("Birch", "The Trees"), ("Cedar", "The Trees")
    ]  # fmt: skip


def test_one_worker_numbers_songs_in_the_order_of_their_files(database, run, tmp_path, rng):
    for number in range(12):
        synth.write_wav(tmp_path / f"{number:02}.wav", synth.melody(rng, 3.0 + number % 3))
    run("ingest", tmp_path, "--workers", 1)

    numbered = ask(database, "SELECT id, title FROM songradar.songs ORDER BY id")
    assert numbered == [(number + 1, f"{number:02}") for number in range(12)]


def test_second_run_reads_nothing_and_changes_nothing(database, run, music):
    run("ingest", music["Amber"].parent)
    before = ask(database, "SELECT xmin::text, * FROM songradar.songs ORDER BY id")
    stamps = {path: path.stat() for path in music.values()}
    for path, stamp in stamps.items():
        path.write_bytes(b"?" * stamp.st_size)  # reading it now would be noticed
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    _, summary, result = ingest_json(run, music["Amber"].parent)

    assert (summary["already there"], summary["added"], result.exit_code) == (3, 0, 0)
    assert ask(database, "SELECT xmin::text, * FROM songradar.songs ORDER BY id") == before


def test_moved_file_is_followed(database, run, music):
    run("ingest", music["Amber"].parent)
    new = music["Amber"].with_name("09 New Artist - New Title.wav")
    music["Amber"].rename(new)
    records, summary, _ = ingest_json(run, new.parent)

    assert records[new.name]["outcome"] == "moved"
    assert (summary["moved"], summary["already there"]) == (1, 2)
    assert ask(database, "SELECT title, artist FROM songradar.songs WHERE source LIKE '%/09%'") == [
        ("New Title", "New Artist")
    ]


def test_files_that_swap_names_swap_their_songs(database, run, music):
    run("ingest", music["Amber"].parent)
    amber, birch, aside = music["Amber"], music["Birch"], music["Amber"].with_suffix(".aside")
    os.utime(amber, (1_000_000, 1_000_000))
    run("ingest", amber)
    for old, new in ((amber, aside), (birch, amber), (aside, birch)):
        old.rename(new)
    known = "SELECT id, source FROM songradar.songs ORDER BY id"
    before = dict(ask(database, known))
    records, _, _ = ingest_json(run, amber.parent)
    again, _, _ = ingest_json(run, amber.parent)

    # As the first gets its new path, the second gets the one that this leaves.
    assert "moved" in {records[path.name]["outcome"] for path in (amber, birch)} <= {"moved", "already there"}
    assert {record["outcome"] for record in again.values()} == {"already there"}
    swapped = {str(amber): str(birch), str(birch): str(amber)}
    assert dict(ask(database, known)) == {number: swapped.get(path, path) for number, path in before.items()}


def test_copy_of_a_file_is_the_same_song(database, run, music):
    shutil.copy(music["Amber"], music["Amber"].with_name("zz copy.wav"))
    records, _, _ = ingest_json(run, music["Amber"].parent, "--workers", 1)

    assert records["zz copy.wav"]["outcome"] == "already there"
    assert ask(database, "SELECT count(*) FROM songradar.songs") == [(3,)]


def test_changed_file_is_replaced_under_its_number(database, run, music, rng):
    run("ingest", music["Amber"].parent)
    before = ask(database, "SELECT id FROM songradar.songs WHERE title = 'Amber'")
    synth.write_wav(music["Amber"], synth.melody(rng, 8.0))
    records, _, _ = ingest_json(run, music["Amber"].parent)

    assert records[music["Amber"].name]["outcome"] == "replaced"
    assert ask(database, "SELECT id FROM songradar.songs WHERE title = 'Amber'") == before
    assert ask(database, "SELECT round(duration_s) FROM songradar.songs WHERE title = 'Amber'") == [(8.0,)]


def test_touched_file_is_recognised_by_its_bytes(database, run, music):
    run("ingest", music["Amber"].parent)
    os.utime(music["Amber"], (1, 1))
    records, _, _ = ingest_json(run, music["Amber"].parent)

    assert records[music["Amber"].name]["outcome"] == "already there"
    assert ask(database, "SELECT count(*) FROM songradar.songs WHERE modified_at < '1971-01-01'") == [(1,)]


def test_another_encoder_hears_the_same_songs(database, run, music, tmp_path):
    from tests.toy_encoder import write_toy_encoder

    run("ingest", music["Amber"].parent)
    run("encoders", "add", write_toy_encoder(tmp_path / "other", seed=1))
    _, summary, _ = ingest_json(run, music["Amber"].parent, "--encoder", "other")

    assert summary["added"] == 3
    assert ask(database, "SELECT count(*), count(DISTINCT encoder_id) FROM songradar.fragments") == [(138, 2)]
    assert ask(database, "SELECT count(*) FROM songradar.songs") == [(3,)]


def test_tags_and_identifiers_are_kept(database, run, tmp_path, rng):
    tags = {"title": "Dawn", "artist": "The Oaks", "album": "Leaves", "ISRC": "DEA123456789"}
    tags |= {"MUSICBRAINZ_TRACKID": "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"}
    synth.encode(tmp_path / "x.flac", synth.melody(rng, 5, 48_000), "flac", metadata=tags)
    run("ingest", tmp_path / "x.flac")

    assert ask(database, "SELECT title, artist, album, isrc, mbid FROM songradar.songs_v1") == [tuple(tags.values())]


def test_two_programs_that_ingest_one_folder_make_each_song_once(database, tmp_path, rng):
    for number in range(12):
        synth.write_wav(tmp_path / f"{number:02}.wav", synth.melody(rng, 6.0))
    command = [sys.executable, "-m", "songradar", "ingest", "--workers", "2", tmp_path]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]

    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert ask(database, "SELECT count(*) FROM songradar.fragments GROUP BY song_id") == [(11,)] * 12


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_interrupted_ingestion_does_not_wait_for_a_long_file(database, tmp_path, rng):
    """Twelve hours, which take the toy encoder many seconds."""
    long, minute = tmp_path / "long.wav", synth.melody(rng, 60.0, 8000)
    with wave.open(str(long), "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        for _ in range(12 * 60):
            file.writeframesraw(np.uint8(128 + 100 * minute / np.abs(minute).max()).tobytes())
    command = [sys.executable, "-m", "songradar", "ingest", "--workers", "1", long]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it starts in the background
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_until_open(long, process.pid)
        time.sleep(1)  # past its checksum
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)

    assert process.returncode == 130
    assert told[0].startswith("0 added, 0 already there, 0 failed")
    assert told[1] == "interrupted: what was done stays, and the same command goes on from here\n"
    assert ask(database, "SELECT count(*) FROM songradar.songs") == [(0,)]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killed_ingestion_leaves_only_whole_songs_and_goes_on(database, run, tmp_path, rng):
    songs = tmp_path / "songs"
    songs.mkdir()
    for number in range(30):
        synth.write_wav(songs / f"{number:02}.wav", synth.melody(rng, 6.0))
    command = [sys.executable, "-m", "songradar", "ingest", "--workers", "2", "--json", str(songs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(5):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    wait_until_alone(database)
    fragments = ask(database, "SELECT count(*) FROM songradar.fragments GROUP BY song_id")
    whole = ask(database, "SELECT count(*) FROM songradar.songs")[0][0]
    _, summary, _ = ingest_json(run, songs)

    assert 5 <= whole < 30
    assert fragments == [(11,)] * whole
    assert (summary["added"], summary["already there"]) == (30 - whole, whole)


def wait_until_open(path: Path, pid: int) -> None:
    """Until the program reads the file."""
    for _ in range(1200):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                if link.samefile(path):
                    return
        time.sleep(0.05)
    raise AssertionError(f"{path.name} is not opened")


def wait_until_alone(url: str) -> None:
    """Until the server has noticed that the killed program is gone."""
    for _ in range(100):
        others = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        if not ask(url, others + " AND backend_type = 'client backend'"):
            return
        time.sleep(0.05)
    raise AssertionError("connections of the killed process are still there")


INGEST_AND_TELL_PEAK = """
import atexit, re, sys
from songradar.cli.main import main
peak = lambda: print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
atexit.register(peak)
main(["ingest", "--workers", "2", sys.argv[1]])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_three_hours_of_audio_need_less_than_700_mib(database, tmp_path, rng):
    minute = synth.melody(rng, 60.0, 8000)
    long = synth.write_wav(tmp_path / "long.wav", np.tile(minute, 180), 8000)
    done = subprocess.run([sys.executable, "-c", INGEST_AND_TELL_PEAK, long], capture_output=True, text=True)

    assert "1 added" in done.stdout, done.stderr
    assert ask(database, "SELECT round(duration_s / 3600) FROM songradar.songs") == [(3.0,)]
    assert int(done.stderr.split()[-1]) / 1024 < 700
