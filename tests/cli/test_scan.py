"""Long recordings on the command line: what was played when."""

import csv
import io
import json
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from itertools import pairwise

import av
import numpy as np
import pytest

from songradar import Catalogue
from songradar.ml.audio import read_audio
from songradar.ml.decoder import Decoder
from songradar.scan import ScanOptions, scan
from tests import synth
from tests.cli.conftest import SECONDS
from tests.reach import connect

TITLES = ["Alder", None, "Beech", None, "Cedar", "Alder"]


def scanned(run, *arguments):
    return [json.loads(line) for line in run("scan", "--json", *arguments).stdout.splitlines()]


def test_playings_come_in_order_with_their_places_and_speed(catalogue, run, mix):
    found = scanned(run, mix)
    alder, unknown, beech, silence, cedar, again = found

    assert [playing["title"] for playing in found] == TITLES
    assert (alder["start_s"], alder["song_start_s"]) == (0, pytest.approx(10, abs=0.3))
    assert alder["end_s"] == pytest.approx(30, abs=1)
    assert unknown["song_id"] is None
    assert beech["start_s"] == pytest.approx(70, abs=1)
    assert beech["speed"] == pytest.approx(1.01, abs=0.005)
    assert silence["end_s"] == pytest.approx(cedar["start_s"])
    assert cedar["song_end_s"] == pytest.approx(SECONDS, abs=1)
    assert again["song_start_s"] == pytest.approx(0, abs=0.3)
    assert all(one["start_s"] <= other["start_s"] for one, other in pairwise(found))


def test_people_read_a_table_and_spreadsheets_a_file(catalogue, run, mix, tmp_path):
    lines = run("scan", mix).stdout.splitlines()
    result = run("scan", "--csv", "--no-unknown", "-o", tmp_path / "out.csv", mix)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))

    assert len(lines) == 7
    assert "no match" in lines[2]
    assert (result.exit_code, result.stdout) == (0, "")
    assert [row["title"] for row in rows] == ["Alder", "Beech", "Cedar", "Alder"]


def test_part_of_a_recording_is_scanned_by_the_clock_on_the_wall(catalogue, run, mix):
    found = scanned(run, "--from", "1:10", "--to", "100", "--began", "2026-11-24T20:00+01:00", mix)

    assert [playing["title"] for playing in found] == ["Beech"]
    assert found[0]["start_s"] == pytest.approx(70, abs=1)
    began = datetime.fromisoformat("2026-11-24T20:00+01:00")
    assert datetime.fromisoformat(found[0]["started_at"]) == began + timedelta(seconds=found[0]["start_s"])


def test_only_the_songs_asked_for_are_named(catalogue, run, mix):
    assert run("scan", "--artist", "Nobody", mix).exit_code == 2
    assert run("scan", "--min-played", "3600", mix).exit_code == 1


def test_scans_are_kept_for_sql(catalogue, run, mix):
    run("scan", "--began", "2026-11-24T20:00Z", mix)
    run("scan", "--no-save", mix)
    with connect() as connection:
        rows = connection.execute(
            "SELECT title, started_at IS NOT NULL, played_s FROM songradar.plays_v1 ORDER BY start_s"
        ).fetchall()
        (n,) = connection.execute("SELECT count(*) FROM songradar.scans WHERE finished_at IS NOT NULL").fetchone()

    assert [title for title, *_ in rows] == TITLES
    assert all(has_clock for _, has_clock, _ in rows)
    assert n == 1


def test_recording_that_is_scanned_again_is_counted_once(catalogue, run, mix):
    run("scan", "--to", "30", mix)
    run("scan", mix)
    run("scan", mix)
    part = run("scan", "--from", "70", "--to", "100", mix)
    with connect() as connection:
        numbers = connection.execute("SELECT id FROM songradar.scans").fetchall()
        titles = connection.execute("SELECT title FROM songradar.plays_v1 ORDER BY start_s").fetchall()

    assert numbers == [(3,)]
    assert [title for (title,) in titles] == TITLES
    assert "Beech" in part.stdout
    assert part.stderr == f"{mix}: not kept, since scan 3 holds this stretch of the recording, and more\n"


def test_part_beyond_the_end_is_refused_and_not_kept(catalogue, run, mix, tmp_path):
    as_mp3 = tmp_path / "mix.mp3"
    write_mp3(as_mp3, read_audio(mix, synth.RATE_HZ))
    results = [run("scan", "--from", "20:00", path) for path in (mix, as_mp3)]
    with connect() as connection:
        (n,) = connection.execute("SELECT count(*) FROM songradar.scans").fetchone()

    assert [(result.exit_code, result.stdout) for result in results] == [(2, "")] * 2
    for path, result in zip((mix, as_mp3), results, strict=True):
        assert result.stderr == f"{path}: is only 3:10 long, and was to be heard from 20:00 on\n"
    assert n == 0


def write_mp3(path, wave):
    """An MP3 that does not say how long it is."""
    with av.open(str(path), "w", format="mp3", options={"write_xing": "0"}) as container:
        stream = container.add_stream("mp3", rate=synth.RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(wave[None], "fltp", "mono")
        frame.sample_rate = synth.RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def lengths():
    with connect() as connection:
        return [seconds for (seconds,) in connection.execute("SELECT duration_s FROM songradar.scans ORDER BY id")]


def test_scan_of_a_part_says_how_long_the_whole_recording_is(catalogue, run, mix, tmp_path):
    as_mp3 = tmp_path / "mix.mp3"
    write_mp3(as_mp3, read_audio(mix, synth.RATE_HZ))
    run("scan", "--to", "30", mix)
    run("scan", "--to", "30", as_mp3)
    before = lengths()
    run("scan", "--to", "1:00:00", as_mp3)

    assert before == [pytest.approx(189.6, abs=0.5), None]
    assert lengths() == [pytest.approx(189.6, abs=0.5)] * 2


def test_file_is_kept_by_its_absolute_path_and_told_as_it_was_typed(catalogue, run, mix, monkeypatch):
    monkeypatch.chdir(mix.parent)
    found = scanned(run, "--to", "30", "mix.wav")
    with connect() as connection:
        kept = connection.execute("SELECT DISTINCT recording FROM songradar.plays_v1").fetchall()

    assert {playing["recording"] for playing in found} == {"mix.wav"}
    assert kept == [(str(mix),)]


def test_programs_give_a_path_as_text_as_well(catalogue, mix):
    with Catalogue.open(catalogue) as opened:
        playings = list(scan(opened, str(mix), ScanOptions(to_s=30)))

    assert [playing.title for playing in playings] == ["Alder"]


def test_scan_that_heard_nothing_writes_nothing(catalogue, run, tmp_path):
    report = tmp_path / "report.csv"
    report.write_text("an older one")
    result = run("scan", "--csv", "-o", report, tmp_path / "nothere.flac")
    on_stdout = [run("scan", f"--format={name}", tmp_path / "nothere.flac").stdout for name in ("table", "m3u", "cue")]

    assert result.exit_code == 2
    assert report.read_text() == "an older one"
    assert on_stdout == ["", "", ""]
    assert list(tmp_path.glob(".report*")) == []


def test_scan_that_was_killed_goes_on_where_it_was(catalogue, run, songs, tmp_path, mix):
    """As if it had been killed after its first minutes: what it kept is told again, and the rest is heard."""
    whole = scanned(run, mix)
    with connect() as connection:
        connection.execute("UPDATE songradar.scans SET finished_at = NULL, scanned_s = %s", [whole[2]["start_s"]])
        connection.execute("DELETE FROM songradar.plays WHERE start_s >= %s", [whole[2]["start_s"]])
    result = run("scan", "--json", mix)
    again = [json.loads(line) for line in result.stdout.splitlines()]

    assert "goes on from" in result.stderr
    assert [playing["title"] for playing in again] == TITLES
    assert [p["start_s"] for p in again] == pytest.approx([p["start_s"] for p in whole], abs=0.7)
    with connect() as connection:
        assert connection.execute("SELECT count(*) FROM songradar.scans").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM songradar.plays").fetchone() == (len(whole),)


def test_scan_whose_decoding_process_was_killed_goes_on_as_if_nothing_had_happened(catalogue, run, mix, monkeypatch):
    decode = Decoder.decode

    def killed_after_100_s(decoder, path, rate_hz, *bounds):
        heard = 0
        for block in decode(decoder, path, rate_hz, *bounds):
            yield block
            heard += len(block)
            if heard > 100 * rate_hz:
                decoder.kill()

    with monkeypatch.context() as short_of_memory:
        short_of_memory.setattr(Decoder, "decode", killed_after_100_s)
        result = run("scan", "--json", mix)
    again, undisturbed = scanned(run, mix), scanned(run, "--no-save", mix)

    assert result.exit_code == 2
    assert result.stderr == f"{mix}: its decoding process was killed, as happens where memory is short\n"
    assert [playing["title"] for playing in again] == TITLES
    assert [p["end_s"] for p in again] == pytest.approx([p["end_s"] for p in undisturbed], abs=0.7)


def test_end_of_a_playing_that_was_told_is_not_told_again(catalogue, run, mix):
    """As if it had been killed while one song faded into another: it goes on from before the end of the earlier."""
    whole = scanned(run, mix)
    with connect() as connection:
        connection.execute("UPDATE songradar.scans SET finished_at = NULL, scanned_s = %s", [whole[4]["end_s"] - 12])
        connection.execute("DELETE FROM songradar.plays WHERE start_s > %s", [whole[4]["start_s"] + 1])
    again = scanned(run, mix)

    assert [playing["title"] for playing in again] == TITLES


def test_recording_that_breaks_off_is_told_up_to_there(catalogue, run, mix, tmp_path):
    whole = mix.read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) * 2 // 3])
    result = run("scan", "--json", tmp_path / "cut.wav")
    found = [json.loads(line) for line in result.stdout.splitlines()]

    assert result.exit_code == 2
    assert "cut.wav: is truncated" in result.stderr
    assert [playing["title"] for playing in found][:3] == TITLES[:3]
    with connect() as connection:
        assert connection.execute("SELECT count(*) FROM songradar.plays").fetchone() == (len(found),)


def test_interrupted_scan_says_that_it_goes_on(catalogue, mix, tmp_path):
    wave = read_audio(mix, synth.RATE_HZ)
    long = synth.write_wav(tmp_path / "long.wav", np.tile(wave, 60))
    process = subprocess.Popen([sys.executable, "-m", "songradar", "scan", long], stderr=subprocess.PIPE, text=True)
    with connect() as connection:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if connection.execute("SELECT count(*) FROM songradar.plays").fetchone() != (0,):
                break
            time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "the same command goes on from there" in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--json", "--csv"], "only one of --json, --csv and --format"),
        (["--from", "90", "--to", "1:20"], "--to must lie behind --from"),
        (["--from", "a:b"], "is no place such as 90, 1:30 or 1:02:03"),
        (["--began", "yesterday"], "is no time such as 2026-11-24T20:00"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, sentence, catalogue, run, mix):
    result = run("scan", *arguments, mix)

    assert result.exit_code == 2
    assert sentence in result.stderr


def test_recordings_that_are_none_are_named_and_a_report_that_was_there_stays(catalogue, run, mix, tmp_path):
    (tmp_path / "empty.mp3").write_bytes(b"")
    (tmp_path / "page.mp3").write_text("<html>not found</html>")
    result = run("scan", tmp_path / "empty.mp3", tmp_path / "page.mp3", tmp_path / "none.mp3", mix)

    assert result.exit_code == 2
    assert "empty.mp3: is empty" in result.stderr
    assert "page.mp3: is not audio that can be decoded" in result.stderr
    assert "none.mp3: does not exist" in result.stderr
    assert "Cedar" in result.stdout


def test_empty_catalogue_says_how_to_fill_it(database, run, tmp_path):
    result = run("scan", synth.write_wav(tmp_path / "a.wav", np.zeros(8000, np.float32)))

    assert result.exit_code == 2
    assert "the catalogue has no songs yet" in result.stderr
