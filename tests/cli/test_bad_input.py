"""Bad input: one line with the file and the reason, a defined exit code, and the rest goes on."""

import json
import os
import sys

import numpy as np
import psycopg
import pytest

from tests import synth


def wav(path, samples):
    return synth.write_wav(path, np.asarray(samples, np.float32))


def missing(path):
    return path.with_suffix(".mp3")


def empty(path):
    path = path.with_suffix(".mp3")
    path.touch()
    return path


def not_audio(path):
    path = path.with_suffix(".flac")
    path.write_bytes(np.random.default_rng(0).bytes(50_000))
    return path


def text(path):
    path = path.with_suffix(".mp3")
    path.write_text("la la la\n" * 1000)
    return path


def too_short(path):
    return wav(path.with_suffix(".wav"), synth.melody(np.random.default_rng(0), 0.5))


def silent(path):
    return wav(path.with_suffix(".wav"), np.zeros(5 * synth.RATE_HZ))


def truncated(path):
    path = synth.encode(path.with_suffix(".flac"), synth.melody(np.random.default_rng(0), 20.0, 48_000), "flac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 5])
    return path


def without_sound(path):
    import av

    path = path.with_suffix(".mp4")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(10):
            out.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(stream.encode(None))
    return path


def folder_without_audio(path):
    path.mkdir()
    (path / "notes.txt").write_text("nothing to hear")
    return path


BAD = [
    (missing, "does not exist"),
    (empty, "is empty"),
    (not_audio, "is not audio that can be decoded"),
    (text, "is not audio that can be decoded"),
    (too_short, "is too short: 0.5 s, and encoder toy needs at least 1 s"),
    (silent, "is silent"),
    (truncated, "is truncated: "),
    (without_sound, "has no audio stream"),
    (folder_without_audio, "holds no audio files"),
]
IDS = [make.__name__ for make, _ in BAD]


@pytest.mark.parametrize(("make", "reason"), BAD, ids=IDS)
def test_bad_file_is_reported_and_the_rest_goes_on(make, reason, database, run, music, tmp_path):
    bad = make(tmp_path / "bad")
    result = run("ingest", bad, music["Amber"].parent)

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"{bad}: {reason}")
    assert "3 added, 0 already there, 1 failed" in result.stdout
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM songradar.songs").fetchone() == (3,)


@pytest.mark.parametrize(
    ("make", "reason"), [(make, reason) for make, reason in BAD[:-1] if make not in (too_short, silent)]
)
def test_bad_clip_is_an_error_and_the_others_are_searched(make, reason, database, run, music, tmp_path):
    run("ingest", music["Amber"].parent)
    bad = make(tmp_path / "bad")
    result = run("search", "--json", bad, music["Birch"])
    error, answer = (json.loads(line) for line in result.stdout.splitlines())

    assert result.exit_code == 2
    assert error["query"] == str(bad)
    assert error["error"].startswith(reason)
    assert answer["matches"][0]["title"] == "Birch"
    assert result.stderr.startswith(f"{bad}: {reason}")


@pytest.mark.parametrize(("make", "reason"), [pair for pair in BAD if pair[0] in (too_short, silent)])
def test_clip_with_nothing_to_hear_is_no_match_with_a_reason(make, reason, database, run, music, tmp_path):
    run("ingest", music["Amber"].parent)
    bad = make(tmp_path / "bad")
    as_json, for_people = run("search", "--json", bad), run("search", bad)
    answer = json.loads(as_json.stdout)

    assert (as_json.exit_code, for_people.exit_code) == (1, 1)
    assert (answer["matched"], answer["matches"], answer["reason"]) == (False, [], reason)
    assert for_people.stdout == f"{bad}: no match ({reason})\n"


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_names_that_are_not_utf_8_are_escaped_everywhere(database, run, music, tmp_path):
    odd = tmp_path / os.fsdecode(b"caf\xe9 - cr\xe8me.wav")
    odd.write_bytes(music["Birch"].read_bytes())
    ingested = run("ingest", odd)
    named = run("search", "--json", odd, tmp_path / os.fsdecode(b"no\xff"))
    answer, error = (json.loads(line) for line in named.stdout.splitlines())

    assert ingested.exit_code == 0
    assert (answer["matches"][0]["artist"], answer["matches"][0]["title"]) == (r"caf\xe9", r"cr\xe8me")
    assert answer["query"] == answer["matches"][0]["source"] == rf"{tmp_path}/caf\xe9 - cr\xe8me.wav"
    assert error == {"query": rf"{tmp_path}/no\xff", "error": "does not exist"}


@pytest.mark.parametrize("rate_hz", [1, 2**31 - 1])
def test_damaged_header_is_reported_and_the_rest_goes_on(rate_hz, database, run, music, tmp_path):
    damaged = tmp_path / "damaged.wav"
    bytes_ = bytearray(music["Birch"].read_bytes())
    bytes_[24:28] = rate_hz.to_bytes(4, "little")
    damaged.write_bytes(bytes_)
    result = run("ingest", damaged, music["Amber"].parent)

    assert result.stderr == f"{damaged}: has a damaged header: {rate_hz} samples a second\n"
    assert "3 added, 0 already there, 1 failed" in result.stdout


def test_line_breaks_in_a_name_do_not_break_the_line(database, run, tmp_path):
    result = run("ingest", tmp_path / "two\nlines.mp3")

    assert result.stderr == f"{tmp_path}/two\\nlines.mp3: does not exist\n"


def test_folder_as_a_clip_is_an_error(database, run, tmp_path):
    result = run("search", tmp_path)

    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}: is a folder\n")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_file_that_may_not_be_read_is_reported(database, music):
    """As root every file may be read, so the reading is done as somebody else."""
    from songradar.ml.errors import AudioReadError
    from songradar.ml.files import sha256

    music["Amber"].chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        with pytest.raises(AudioReadError, match="(permission denied|Permission denied)"):
            sha256(music["Amber"])
    finally:
        if root:
            os.seteuid(0)


def test_encoder_that_does_not_exist_is_one_sentence(database, run, music):
    for command in (["ingest", music["Amber"]], ["search", music["Amber"]]):
        result = run(*command, "--encoder", "nix")

        assert result.exit_code == 2
        assert result.stderr == "songradar: there is no encoder called nix: see songradar encoders list\n"


def test_folder_that_is_no_encoder_is_one_sentence(database, run, tmp_path):
    result = run("encoders", "add", tmp_path)

    assert result.exit_code == 2
    assert result.stderr == f"songradar: {tmp_path}: holds no encoder.onnx that can be read\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_pipe_in_a_folder_does_not_hang_ingestion(database, run, music):
    pipe = music["Amber"].with_name("00.wav")
    os.mkfifo(pipe)
    ingested, searched = run("ingest", pipe.parent), run("search", pipe)

    assert (ingested.exit_code, ingested.stderr) == (1, f"{pipe}: is not a regular file\n")
    assert "3 added, 0 already there, 1 failed" in ingested.stdout
    assert (searched.exit_code, searched.stderr) == (2, f"{pipe}: is not a regular file\n")


def test_circle_of_links_costs_itself_alone(database, run, music, tmp_path):
    run("ingest", music["Amber"])
    circle = tmp_path / "circle.wav"
    circle.symlink_to(circle)

    result = run("search", "--no-save", circle, music["Amber"])

    assert (result.exit_code, result.stderr) == (2, f"{circle}: cannot be read (Too many levels of symbolic links)\n")
    assert "Amber" in result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
def test_path_of_three_kilobytes_is_taken(database, run, music, tmp_path, rng):
    folder = tmp_path
    for _ in range(15):
        folder /= rng.bytes(100).hex()  # PostgreSQL would compress names that repeat themselves
    folder.mkdir(parents=True)
    deep = folder / "song.wav"
    deep.write_bytes(music["Birch"].read_bytes())

    assert "1 added" in run("ingest", deep).stdout
    assert "1 already there" in run("ingest", deep).stdout
    assert json.loads(run("search", "--json", deep).stdout)["matches"][0]["source"] == str(deep)


def test_song_that_the_database_refuses_is_reported_and_the_rest_goes_on(database, run, music):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE songradar.songs ADD CHECK (title <> 'Birch')")
    result = run("ingest", music["Amber"].parent)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"{music['Birch']}: the database refuses it: ")
    assert "2 added, 0 already there, 1 failed" in result.stdout


def test_titles_reach_the_terminal_escaped_and_json_as_they_are(database, run, tmp_path, rng):
    title = "Amber\x1b]0;gotcha\x07\u202egnos"
    song = synth.melody(rng, 6.0, 48_000)
    path = synth.encode(tmp_path / "song.flac", song, "flac", metadata={"title": title, "artist": "\x1b[2J"})
    run("ingest", path)
    listed, shown, found = run("songs", "list"), run("songs", "show", 1), run("search", path)

    for result in (listed, shown, found):
        assert r"Amber\x1b]0;gotcha\x07\u202egnos" in result.stdout
        assert not set(result.stdout) & set("\x1b\x07\u202e")
    assert json.loads(run("songs", "list", "--json").stdout)["title"] == title
    assert json.loads(run("search", "--json", path).stdout)["matches"][0]["title"] == title
