"""Files that mean harm cost only themselves."""

import io
import struct
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from songradar.ml.audio import Wave
from songradar.ml.decoder import Decoder
from songradar.ml.errors import AudioReadError
from songradar.untrusted import Decoders
from tests import synth
from tests.web.document import check

MUTATED = 300


def wav_that_claims(n_bytes: int, n_real: int = 16_000) -> bytes:
    """A WAV file whose header claims `n_bytes` of sound at 8 kHz."""
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", n_bytes
    )
    return head + b"\x80" * n_real


def zip_of_zeros() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("song.wav", bytes(20_000_000))
    return file.getvalue()


HOSTILE = {
    "playlist": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "dash": b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/</BaseURL></MPD>',
    "html": b"<!doctype html><title>404</title>",
    "zip": zip_of_zeros(),
    "hours": wav_that_claims(0x7FFE_0000),
    "text": b"nothing to hear " * 1000,
    "empty": b"",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(5000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_recording_is_told_in_a_sentence(served, name):
    answer = served.post("/identify", files={"file": (name, HOSTILE[name])})
    problem = check(answer, "/identify")

    assert (answer.status_code, problem["type"]) == (422, "urn:songradar:problem:unreadable-audio")
    assert "/tmp" not in problem["detail"]
    assert served.get("/health").status_code == 200


def test_recording_that_is_too_long_is_refused(serve):
    with serve(longest_s=10) as served:
        answer = served.post("/identify", content=wav_that_claims(160_000, 160_000))

    assert answer.json()["detail"] == "the recording is longer than 10 s"


def test_recording_that_takes_too_long_is_ended_and_the_next_is_heard(tmp_path):
    long = synth.write_wav(tmp_path / "long.wav", np.zeros(synth.RATE_HZ * 600, np.float32))
    short = synth.write_wav(tmp_path / "short.wav", np.zeros(synth.RATE_HZ, np.float32))
    with Decoders(1) as decoders:
        with pytest.raises(AudioReadError, match=r"long\.mp3: takes longer than 0\.05 s"):
            heard_slowly(decoders.blocks(long, 8000, 1e6, 0.05, "long.mp3"))
        samples = sum(len(block) for block in decoders.blocks(short, 8000, 100, 60, "short.mp3"))

    assert samples == 8000


def heard_slowly(blocks: Iterable[Wave], then: Callable[[], None] = lambda: None) -> None:
    for _ in blocks:
        time.sleep(0.01)
        then()


def test_form_without_a_file_is_refused(served):
    for request in ({"data": {"file": "text"}}, {"files": {"other": ("a.wav", b"x")}}):
        assert served.post("/identify", **request).status_code in (415, 422)
    broken = served.post("/identify", content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=x"})

    assert broken.status_code in (400, 422)


@pytest.mark.parametrize(
    "name", ["../../evil.wav", "/etc/evil.wav", "..", "a\0b.wav", "x" * 500 + ".wav", "\u202eevil"]
)
def test_uploads_stay_in_their_folder_whatever_they_are_called(served, name, rng, tmp_path):
    song = synth.write_wav(tmp_path / "song.wav", synth.melody(rng, 6.0))
    served.post("/ingest", content=song.read_bytes(), params={"name": name})
    files = [file for file in (tmp_path / "uploads").rglob("*") if file.is_file()]

    assert len(files) == 1 or "\0" in name
    assert all(file.read_bytes() == song.read_bytes() for file in files)
    assert not Path("/etc/evil.wav").exists()


def test_mutated_files_kill_nothing(served, tmp_path, clip):
    """Recordings of several kinds in which bytes were changed, or of which the end is missing."""
    rng = np.random.default_rng(7)
    wave = synth.melody(rng, 3.0, 48_000)
    originals = [clip.read_bytes()]
    for codec, suffix in (("flac", "flac"), ("aac", "m4a"), ("libopus", "ogg"), ("libmp3lame", "mp3")):
        originals.append(synth.encode(tmp_path / f"song.{suffix}", wave, codec).read_bytes())
    statuses = set()
    for number in range(MUTATED):
        data = np.frombuffer(originals[number % len(originals)], np.uint8).copy()
        at = rng.integers(0, min(len(data), 4096 if number % 2 else len(data)), 1 + number % 40)
        data[at] = rng.integers(0, 256, len(at))
        end = rng.integers(1, len(data)) if number % 3 == 0 else len(data)
        answer = served.post("/identify", content=data[:end].tobytes(), params={"keep": "false"})
        statuses.add(answer.status_code)

    assert statuses <= {200, 422}
    assert served.post("/identify", content=clip.read_bytes()).json()["matched"]


def test_decoder_that_is_killed_says_so(tmp_path):
    path = synth.write_wav(tmp_path / "song.wav", np.zeros(synth.RATE_HZ * 100, np.float32))
    with Decoder() as decoder, pytest.raises(AudioReadError, match="break down"):
        heard_slowly(decoder.decode(path, 8000), decoder.kill)
