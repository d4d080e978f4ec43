"""Files made or damaged so that they end, hang or eat a program that reads them: each costs itself alone."""

import os
import signal
import struct
import sys
import time
import wave
import zlib
from pathlib import Path

import mutagen
import numpy as np
import pytest

from songradar.ml.audio import read_audio
from songradar.ml.decoder import Decoder
from songradar.ml.errors import AudioReadError
from songradar.ml.memory import FOR_ONE_FILE, bounded_memory
from songradar.ml.tags import read_tags
from tests import synth
from tests.hostile import synchsafe

RATE_HZ = 8000
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@pytest.fixture
def decoder():
    with Decoder() as decoder:
        yield decoder


def reason(path):
    with pytest.raises(AudioReadError) as refused:
        read_audio(path, RATE_HZ)
    return refused.value.reason


def most_memory(decoder):
    """The most bytes that the decoder's process has had in memory."""
    status = Path(f"/proc/{decoder._process.pid}/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


@pytest.fixture
def mutants(tmp_path, rng):
    """Playable WMA files with one damaged byte, by what mutagen answers."""
    path = synth.encode(tmp_path / "song.wma", synth.melody(rng, 2, 48_000), "wmav2", metadata={"title": "Amber"})
    whole, found = path.read_bytes(), {}
    for place in range(30, 700):
        mutant = bytearray(whole)
        mutant[place] ^= 0x11
        path.write_bytes(mutant)
        try:
            mutagen.File(path)
        except mutagen.MutagenError:
            continue
        except Exception as error:
            try:
                read_audio(path, RATE_HZ)
            except AudioReadError:
                continue
            found.setdefault(type(error).__name__, bytes(mutant))
    return found


def test_damaged_tags_of_a_playable_file_count_as_none(mutants, tmp_path):
    assert len(mutants) >= 2
    for kind, mutant in mutants.items():
        (tmp_path / f"Band - {kind}.wma").write_bytes(mutant)

        assert read_tags(tmp_path / f"Band - {kind}.wma").title == kind


@needs_linux
def test_tag_that_inflates_without_end_counts_as_none(decoder, tmp_path, rng):
    """Half a megabyte of ID3 that becomes more than any song's memory."""
    squeeze = zlib.compressobj(9)
    text = b"".join(squeeze.compress(bytes(1 << 24)) for _ in range(FOR_ONE_FILE >> 24)) + squeeze.flush()
    frame = b"TIT2" + synchsafe(4 + len(text)) + b"\0\x09" + synchsafe(0x0FFFFFFF) + text
    song = synth.encode(tmp_path / "plain.mp3", synth.melody(rng, 2, 48_000), "libmp3lame").read_bytes()
    bomb = tmp_path / "Band - Bomb.mp3"
    bomb.write_bytes(b"ID3\4\0\0" + synchsafe(len(frame)) + frame + song)

    assert decoder.tags(bomb).title == "Bomb"
    assert decoder.cover(bomb) is None
    assert sum(map(len, decoder.decode(bomb, RATE_HZ))) == pytest.approx(2 * RATE_HZ, rel=0.1)
    assert most_memory(decoder) < FOR_ONE_FILE + (1 << 28)


@needs_linux
def test_header_that_asks_for_gigabytes_is_refused(decoder, tmp_path, rng):
    """An M4A whose table of samples claims so many that its index alone would take 1.5 GB."""
    path = synth.encode(tmp_path / "song.m4a", synth.melody(rng, 4, 48_000), "aac", container="ipod")
    content, n_samples = bytearray(path.read_bytes()), 60_000_000
    sizes, chunks = content.index(b"stsz"), content.index(b"stsc")
    content[sizes + 8 : sizes + 16] = struct.pack(">II", 1, n_samples)
    content[chunks + 16 : chunks + 20] = struct.pack(">I", n_samples)
    path.write_bytes(content)

    with pytest.raises(AudioReadError, match="memory|decoded|damaged"):
        list(decoder.decode(path, RATE_HZ))
    assert most_memory(decoder) < FOR_ONE_FILE + (1 << 28)


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGSEGV, "makes the decoder break down"), (signal.SIGKILL, "was killed")]
)
def test_decoder_that_ends_costs_the_file_alone(decoder, tmp_path, rng, number, reason):
    path = synth.write_wav(tmp_path / "song.wav", synth.melody(rng, 60))
    blocks = decoder.decode(path, RATE_HZ)
    next(blocks)
    decoder._process.send_signal(number)

    with pytest.raises(AudioReadError, match=rf"song\.wav: .*{reason}"):
        list(blocks)
    assert sum(map(len, decoder.decode(path, RATE_HZ))) == pytest.approx(60 * RATE_HZ, rel=1e-3)


def test_decoder_gives_what_decoding_gives(decoder, tmp_path, rng):
    path = synth.write_wav(tmp_path / "Band - Song.wav", synth.melody(rng, 3))

    np.testing.assert_array_equal(np.concatenate(list(decoder.decode(path, RATE_HZ))), read_audio(path, RATE_HZ))
    assert decoder.tags(path) == read_tags(path)
    with pytest.raises(AudioReadError, match="does not exist"):
        list(decoder.decode(tmp_path / "nowhere.wav", RATE_HZ))


def test_reading_that_is_broken_off_does_not_spoil_the_next_file(decoder, tmp_path, rng):
    long = synth.write_wav(tmp_path / "long.wav", synth.melody(rng, 60))
    short = synth.write_wav(tmp_path / "short.wav", synth.melody(rng, 2))
    blocks = decoder.decode(long, RATE_HZ)
    next(blocks)
    blocks.close()

    assert sum(map(len, decoder.decode(short, RATE_HZ))) == pytest.approx(2 * RATE_HZ, rel=1e-3)


@needs_linux
def test_memory_is_bounded_and_then_free_again():
    with bounded_memory(1 << 26), pytest.raises(MemoryError):
        np.ones(1 << 27, np.uint8)

    assert len(np.ones(1 << 27, np.uint8)) == 1 << 27


def test_long_values_of_tags_are_cut(tmp_path):
    path = synth.encode(tmp_path / "a.flac", np.zeros(4800, np.float32), "flac", metadata={"title": "A" * 5_000_000})

    assert read_tags(path).title == "A" * 1000


@needs_posix
def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")

    assert reason(tmp_path / "pipe.wav") == "is not a regular file"
    assert reason(Path("/dev/zero")) == "is not a regular file"


@pytest.mark.parametrize("ending", ["m3u8", "mp3", "ffconcat"])
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:25\n#EXTINF:25,\nsecret.wav\n",
        "ffconcat version 1.0\nfile secret.wav\n",
        "[playlist]\nFile1=secret.wav\n",
    ],
    ids=["HLS", "concat", "PLS"],
)
def test_playlist_is_not_followed(text, ending, tmp_path, rng):
    synth.write_wav(tmp_path / "secret.wav", synth.melody(rng, 3))
    (tmp_path / f"list.{ending}").write_text(text)
    started = time.monotonic()

    assert reason(tmp_path / f"list.{ending}") == "is a playlist, not a recording"
    assert time.monotonic() - started < 5


def test_recording_without_end_is_refused(tmp_path, rng, monkeypatch):
    path = synth.write_wav(tmp_path / "long.wav", synth.melody(rng, 6))
    monkeypatch.setattr("songradar.ml.audio.MAX_DURATION_S", 5)

    assert reason(path).startswith("is longer than ")


@pytest.mark.parametrize(
    ("codec", "ending", "container"),
    [
        ("ac3", "ac3", None),
        ("aac", "aac", "adts"),
        ("aac", "m4a", "ipod"),
        ("alac", "m4a", "ipod"),
        ("ac3", "ts", None),
    ],
)
def test_damaged_packet_is_skipped_whatever_its_codec_calls_it(codec, ending, container, tmp_path, rng):
    path = synth.encode(tmp_path / f"song.{ending}", synth.melody(rng, 10, 48_000), codec, container=container)
    whole = path.read_bytes()
    for _ in range(25):
        damaged = bytearray(whole)
        place = int(rng.integers(len(whole) // 4, len(whole) * 3 // 4))
        damaged[place : place + 100] = rng.bytes(100)
        path.write_bytes(damaged)

        assert len(read_audio(path, RATE_HZ)) > 9 * RATE_HZ


def test_video_whose_sound_ends_before_the_picture_is_whole(tmp_path, rng):
    path = synth.encode(tmp_path / "film.mkv", synth.melody(rng, 4, 48_000), "libopus", picture=True, picture_s=20.0)

    assert len(read_audio(path, RATE_HZ)) == pytest.approx(4 * RATE_HZ, rel=0.02)


@pytest.mark.parametrize("n_channels", [8, 9, 11, 16, 32])
def test_channels_are_mixed_or_counted_in_the_refusal(n_channels, tmp_path, rng):
    path = tmp_path / "many.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((n_channels, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(rng.integers(-9999, 9999, (2 * RATE_HZ, n_channels)).astype("<i2").tobytes())

    if n_channels in (8, 16):
        assert len(read_audio(path, RATE_HZ)) == 2 * RATE_HZ
    else:
        assert reason(path) == (
            f"breaks off while decoding ({n_channels} channels in no order that is known cannot be mixed)"
        )
