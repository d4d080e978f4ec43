"""Files that mean harm cost only themselves."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx
import numpy as np
import pytest

from songradar.ml.audio import Wave
from songradar.ml.decoder import Bounds, Decoder
from songradar.ml.errors import AudioReadError
from songradar.untrusted import Decoders
from songradar.web.problems import problem_of
from tests import hostile, synth
from tests.benchmarks.hostile import decoy, print_outcomes, send_all
from tests.web.document import check

SENT = 36
"""Harmful files; `python -m tests.benchmarks.hostile` sends ten thousand."""


def test_harmful_files_are_told_in_a_sentence_and_kill_nothing(served, tmp_path, clip):
    whole, decoys = hostile.originals(tmp_path), ["/etc/passwd", f"{served.url}/api/v1/songs"]
    for kind, data in hostile.files(np.random.default_rng(7), SENT, whole, decoys):
        answer = served.post("/identify", content=data, params={"keep": "false"}, headers={"Content-Type": "audio/wav"})
        found = check(answer, "/identify")
        assert answer.status_code == 200 or found["type"] == "urn:songradar:problem:unreadable-audio", kind
        assert "/tmp" not in found.get("detail", ""), kind

    assert served.post("/identify", content=clip.read_bytes()).json()["matched"]


def test_outcomes_are_counted_by_kind_and_nothing_that_a_file_names_is_opened(served, tmp_path, capsys):
    with decoy() as (url, asked), httpx.Client(base_url=f"{served.url}/api/v1", timeout=60) as client:
        made = hostile.files(np.random.default_rng(8), 2 * len(hostile.KINDS), hostile.originals(tmp_path), [url])
        outcomes, _ = send_all(client, made, 2, lambda: 0.0)
    print_outcomes(outcomes)
    head, *rows = capsys.readouterr().out.splitlines()

    assert [row.split("  ")[0] for row in rows] == list(hostile.KINDS)
    assert {answer for one in outcomes.values() for answer in one.answers} <= {"200", "200 and an error", "422"}
    assert sum(one.answers.total() for one in outcomes.values()) == 2 * len(hostile.KINDS)
    assert head.endswith("slowest, s")
    assert asked == []


def test_recording_that_is_too_long_is_refused_however_few_bytes_it_has(serve):
    many, few = hostile.wav_that_claims(160_000, 160_000), hostile.flac_of_silence(3)
    with serve(searched=Bounds(longest_s=10, within_s=20)) as served:
        answers = [served.post("/identify", content=content).json() for content in (many, few)]

    assert len(few) < 100
    assert [answer["detail"] for answer in answers] == ["the recording is longer than 10 s"] * 2


@pytest.mark.parametrize("path", ["/ingest", "/scans"])
@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        (Bounds(longest_s=10), "is longer than 10 s"),
        (Bounds(within_s=0.001), "takes longer than 0.001 s to decode"),
    ],
)
def test_upload_that_is_too_long_or_slow_to_hear_is_refused_and_not_kept(serve, path, bounds, reason, rng, tmp_path):
    song = synth.write_wav(tmp_path / "song.wav", synth.melody(rng, 20.0))
    with serve(stored=bounds) as served:
        answer = served.post(path, files={"file": ("song.wav", song.read_bytes())})
        problem = check(answer, path)
        n_kept = served.get("/songs").json()["total"], served.get("/scans").json()["total"]

    assert (answer.status_code, problem["type"]) == (422, "urn:songradar:problem:unreadable-audio")
    assert problem["detail"].endswith(reason)
    assert n_kept == (3, 0)
    assert not [file for file in (tmp_path / "uploads").rglob("*") if file.is_file()]


@pytest.mark.parametrize("path", ["/ingest", "/scans"])
def test_song_or_long_recording_that_has_too_many_bytes_is_refused(serve, path):
    with serve(max_bytes=10_000) as served:
        answer = served.post(path, content=b"x" * 20_000)

    assert check(answer, path)["detail"] == "a body may have 10000 bytes at most"


def test_recording_that_takes_too_long_is_ended_and_the_next_is_heard(tmp_path):
    long = synth.write_wav(tmp_path / "long.wav", np.zeros(synth.RATE_HZ * 600, np.float32))
    short = synth.write_wav(tmp_path / "short.wav", np.zeros(synth.RATE_HZ, np.float32))
    with Decoders(1) as decoders:
        with pytest.raises(AudioReadError, match=r"long\.mp3: takes longer than 0\.05 s"):
            heard_slowly(decoders.blocks(long, 8000, Bounds(within_s=0.05), "long.mp3"))
        samples = sum(len(block) for block in decoders.blocks(short, 8000, Bounds(100, 60), "short.mp3"))

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


def test_decoder_that_is_killed_says_so(tmp_path):
    path = synth.write_wav(tmp_path / "song.wav", np.zeros(synth.RATE_HZ * 100, np.float32))
    with Decoder() as decoder, pytest.raises(AudioReadError, match="was killed"):
        heard_slowly(decoder.decode(path, 8000), decoder.kill)


def test_full_disk_is_told_as_a_server_that_is_busy():
    with pytest.raises(OSError, match="No space left") as full:
        Path("/dev/full").write_bytes(b"x")
    problem = problem_of(full.value)

    assert (problem.status, problem.detail) == (503, "the server's disk has no room for this now")
