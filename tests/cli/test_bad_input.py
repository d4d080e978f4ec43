"""Bad input: one line with the file and the reason, a defined exit code, and the rest goes on."""

import json
import os

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
    assert "3 added, 1 failed" in result.stdout
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM songradar.songs").fetchone() == (3,)


@pytest.mark.parametrize(("make", "reason"), BAD[:-1], ids=IDS[:-1])
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


def test_folder_as_a_clip_is_an_error(database, run, tmp_path):
    result = run("search", tmp_path)

    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}: is a folder\n")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_file_that_may_not_be_read_is_reported(database, music):
    """As root every file may be read, so the reading is done as somebody else."""
    from ml.errors import AudioReadError
    from ml.files import sha256

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
