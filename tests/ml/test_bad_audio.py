"""Files that are no audio, or not all of it, are refused with a reason a person understands."""

import os
import sys

import av
import numpy as np
import pytest

from songradar.ml.audio import read_audio
from songradar.ml.errors import AudioReadError
from tests import synth

RATE_HZ = 8000


def reason(path):
    with pytest.raises(AudioReadError) as refused:
        read_audio(path, RATE_HZ)
    assert refused.value.path == str(path)
    assert str(refused.value) == f"{path}: {refused.value.reason}"
    return refused.value.reason


def write_video(path, **options):
    with av.open(str(path), "w", **options) as out:
        stream = out.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        out.mux(stream.encode(av.VideoFrame(64, 64, "yuvj420p")))
        out.mux(stream.encode(None))
    return path


def test_missing_file_is_refused(tmp_path):
    assert reason(tmp_path / "nowhere.mp3") == "does not exist"


def test_path_below_a_file_is_refused(tmp_path):
    (tmp_path / "song.mp3").write_bytes(b"x")

    assert reason(tmp_path / "song.mp3" / "song.mp3") == "does not exist"


def test_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.mp3").touch()

    assert reason(tmp_path / "empty.mp3") == "is empty"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports a folder as one that may not be read")
def test_folder_is_refused(tmp_path):
    assert reason(tmp_path) == "is a folder"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_circle_of_links_is_refused(tmp_path):
    circle = tmp_path / "circle.wav"
    circle.symlink_to(circle)

    assert reason(circle) == "cannot be read (Too many levels of symbolic links)"


def test_name_that_is_too_long_is_refused(tmp_path):
    assert reason(tmp_path / f"{'a' * 300}.wav").startswith("cannot be read")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions work otherwise on Windows")
def test_file_that_may_not_be_read_is_refused(tmp_path, rng):
    path = synth.write_wav(tmp_path / "secret.wav", synth.melody(rng, 1))
    path.chmod(0)
    me = os.geteuid()
    try:
        if me == 0:
            os.seteuid(65_534)  # root may read everything, nobody may not

        assert reason(path) == "may not be read (permission denied)"
    finally:
        os.seteuid(me)


@pytest.mark.parametrize("n_bytes", [1, 100, 5000, 300_000])
def test_random_bytes_are_refused(n_bytes, tmp_path, rng):
    path = tmp_path / "noise.mp3"
    path.write_bytes(rng.bytes(n_bytes))

    assert reason(path) == "is not audio that can be decoded"


def test_text_is_refused(tmp_path):
    path = tmp_path / "lyrics.mp3"
    path.write_text("Let's go fishing in the morning.\n" * 100)

    assert reason(path) == "is not audio that can be decoded"


def test_picture_is_refused(tmp_path):
    assert reason(write_video(tmp_path / "cover.jpg", format="mjpeg")) == "is not audio that can be decoded"


def test_video_without_sound_is_refused(tmp_path):
    assert reason(write_video(tmp_path / "silent.mkv")) == "has no audio stream"


@pytest.mark.parametrize("n_samples", [0, 1])
def test_wav_without_samples_is_refused(n_samples, tmp_path):
    path = synth.write_wav(tmp_path / "empty.wav", np.zeros(n_samples, np.float32))

    assert reason(path) == "is not audio that can be decoded"


@pytest.mark.parametrize(
    ("ending", "codec"),
    [
        ("wav", "pcm_s16le"),
        ("wav", "pcm_f32le"),
        ("aiff", "pcm_s16be"),
        ("flac", "flac"),
        ("mp3", "libmp3lame"),
        ("webm", "libopus"),
    ],
)
def test_truncated_file_is_refused(ending, codec, tmp_path, rng):
    path = synth.encode(tmp_path / f"song.{ending}", synth.melody(rng, 6, 48_000), codec)
    keep_share(path, 0.4)

    assert "s of the 6.0 s in its header can be decoded" in reason(path)


def test_truncated_m4a_is_refused(tmp_path, rng):
    path = synth.encode(tmp_path / "song.m4a", synth.melody(rng, 6, 48_000), "aac", container="ipod")
    keep_share(path, 0.4)

    assert reason(path) == "is not audio that can be decoded"  # its index stands at the end


@pytest.mark.parametrize("share", [0.4, 0.97])
def test_mp3_that_does_not_state_its_length_is_taken_as_it_is(share, tmp_path, rng):
    path = synth.encode(tmp_path / "song.mp3", synth.melody(rng, 6, 48_000), "libmp3lame")
    data = path.read_bytes()
    frames = data[data.index(b"\xff\xfb", data.index(b"LAME") + 1) :]  # all but the first frame, which holds "Info"
    path.write_bytes(frames[: int(share * len(frames))])

    assert len(read_audio(path, RATE_HZ)) / RATE_HZ == pytest.approx(share * 6, abs=0.3)


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_file_that_lacks_its_last_moments_is_taken(ending, tmp_path, rng):
    codec = {"wav": "pcm_s16le", "flac": "flac"}[ending]
    path = synth.encode(tmp_path / f"song.{ending}", synth.melody(rng, 6, 48_000), codec)
    keep_share(path, 0.97)

    assert 5.4 < len(read_audio(path, RATE_HZ)) / RATE_HZ < 6


@pytest.mark.parametrize("n_bytes", [0, 0x7FFF_F000, 0xFFFF_FFFF])
def test_wav_written_to_a_pipe_is_taken(n_bytes, tmp_path, rng):
    path = synth.write_wav(tmp_path / "song.wav", synth.melody(rng, 3))
    data = bytearray(path.read_bytes())
    data[40:44] = n_bytes.to_bytes(4, "little")  # the length of the data chunk, unknown while it was written
    path.write_bytes(data)

    assert len(read_audio(path, RATE_HZ)) / RATE_HZ == pytest.approx(3, abs=0.01)


def keep_share(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
