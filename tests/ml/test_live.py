"""Sound as it comes: streams that break off, hang or are none, files that grow, devices."""

import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest

from songradar.ml.audio import read_audio
from songradar.ml.errors import AudioReadError
from songradar.ml.live import LiveSound, Source, devices
from tests import synth
from tests.stations import Station, folder_on_air, on_air

RATE_HZ = 8000
SECONDS = 6.0


@pytest.fixture
def song(tmp_path, rng):
    """An MP3 of 6 s and its bytes, 96,000 of them."""
    path = synth.encode(tmp_path / "song.mp3", synth.melody(rng, SECONDS, 48_000), "mp3")
    return path.read_bytes()


def heard(source, **options):
    """All the sound of a source in seconds, and what was told meanwhile."""
    told = []
    sound = LiveSound(source, tell=told.append, **options)
    return sum(map(len, sound.blocks(RATE_HZ))) / RATE_HZ, told


def test_file_on_the_web_is_heard_to_its_end(song):
    with on_air(Station([song], length=len(song))) as url:
        assert heard(Source.of(url)) == (pytest.approx(SECONDS, abs=0.2), [])


def test_stream_that_breaks_off_is_opened_again(song):
    station = Station([song, song, 404], bytes_per_s=48_000)
    told = []
    with on_air(station) as url:
        sound = LiveSound(Source.of(url), patience_s=2, tell=told.append)
        blocks = []
        with pytest.raises(AudioReadError, match=r"answers 404 Not Found, and did not come back within 2 s"):
            blocks.extend(iter(sound.blocks(RATE_HZ)))

    assert told[:2] == [f"{url}: breaks off; next attempt in 1 s", f"{url}: is heard again"]
    assert station.n_listeners >= 3


def test_silence_stands_for_the_time_in_which_a_stream_was_away(song):
    """What came at once in the beginning, as stations send it, makes up for some of that time."""
    n_heard = n_silent = 0
    with on_air(Station([song[:24_000], "hang", song])) as url:
        sound = LiveSound(Source.of(url), patience_s=60, stall_s=1.0)
        for block in sound.blocks(RATE_HZ):
            if block.any():
                n_heard += len(block)
                if n_silent:
                    sound.stop()
            elif n_heard:
                n_silent += len(block)

    assert n_silent / RATE_HZ >= 1


def test_stream_that_hangs_is_opened_again(song):
    with on_air(Station([song[:32_000], song[:32_000], 404], stays_open=True)) as url:
        told = []
        with pytest.raises(AudioReadError, match="answers 404"):
            list(LiveSound(Source.of(url), patience_s=3, stall_s=1.0, tell=told.append).blocks(RATE_HZ))

    assert told[:2] == [f"{url}: has sent nothing for 1 s; next attempt in 1 s", f"{url}: is heard again"]


@pytest.mark.parametrize(
    ("program", "content_type", "reason"),
    [
        (b"<html>Welcome</html>" * 1000, "text/html", "sends text/html, which is not audio that can be decoded"),
        (b"<html>Welcome</html>", "text/html", "sends text/html, which is not audio that can be decoded"),
        (b"", "audio/mpeg", "sends audio/mpeg, which is not audio that can be decoded"),
        (404, "", "answers 404 Not Found"),
        (503, "", "answers 5XX Server Error reply"),
        ("hang", "", "has sent nothing for 1 s"),
    ],
)
def test_what_is_no_stream_is_named_at_once(program, content_type, reason):
    with (
        on_air(Station([program], content_type=content_type)) as url,
        pytest.raises(AudioReadError) as error,
    ):
        list(LiveSound(Source.of(url), stall_s=1.0 if program == "hang" else 20).blocks(RATE_HZ))

    assert str(error.value) == f"{url}: {reason}"


def test_server_that_is_not_there(unused_port):
    with pytest.raises(AudioReadError, match="cannot be reached"):
        heard(Source.of(f"http://127.0.0.1:{unused_port}/live"))


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_playlist_of_segments_is_heard_to_its_end(song, tmp_path):
    """HLS, as FFmpeg writes it."""
    folder = tmp_path / "hls"
    folder.mkdir()
    with (
        av.open(str(tmp_path / "song.mp3")) as source,
        av.open(str(folder / "live.m3u8"), "w", format="hls", options={"hls_time": "2", "hls_list_size": "0"}) as out,
    ):
        stream = out.add_stream("aac", rate=48_000, layout="mono")
        for frame in source.decode(audio=0):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with folder_on_air(folder) as url:
        seconds, told = heard(Source.of(f"{url}/live.m3u8"))

    assert len(list(folder.glob("*.ts"))) >= 3
    assert (seconds, told) == (pytest.approx(SECONDS, abs=0.3), [])


def test_playlist_from_the_web_opens_no_files_of_this_computer(song, tmp_path):
    folder = tmp_path / "hls"
    folder.mkdir()
    (folder / "live.m3u8").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nfile://{tmp_path}/song.mp3\n#EXT-X-ENDLIST\n"
    )
    with folder_on_air(folder) as url, pytest.raises(AudioReadError):
        heard(Source.of(f"{url}/live.m3u8"), patience_s=1)


@pytest.mark.parametrize("codec", ["wav", "mp3"])
def test_file_is_heard_while_it_grows(codec, song, tmp_path):
    whole = tmp_path / f"song.{codec}"
    if codec == "wav":
        synth.write_wav(whole, read_audio(tmp_path / "song.mp3", 22_050))
    data, growing = whole.read_bytes(), tmp_path / f"growing.{codec}"
    half = len(data) // 2
    growing.write_bytes(data[:half])

    def grow():
        time.sleep(1.5)
        with growing.open("ab") as file:
            file.write(data[half:])

    thread = Thread(target=grow)
    thread.start()
    try:
        assert heard(Source.of(str(growing)), patience_s=3)[0] == pytest.approx(SECONDS, abs=0.2)
    finally:
        thread.join()


def test_standard_input_is_heard_to_its_end(song):
    program = "from songradar.ml.live import *; print(sum(map(len, LiveSound(Source.of('-')).blocks(8000))) / 8000)"
    result = subprocess.run([sys.executable, "-c", program], input=song, capture_output=True)

    assert float(result.stdout) == pytest.approx(SECONDS, abs=0.2)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("none.wav", "cannot be read (No such file or directory)"),
        (".", "is a folder"),
        ("empty.wav", "holds nothing"),
        ("page.html", "is not audio that can be decoded while it goes on"),
    ],
)
def test_what_is_no_file_to_hear_is_named(address, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty.wav").touch()
    Path("page.html").write_text("<html>" * 1000)
    with pytest.raises(AudioReadError) as error:
        heard(Source.of(address), patience_s=0.2)

    assert error.value.reason == reason


def test_sound_is_stopped_from_elsewhere(song):
    with on_air(Station([song], bytes_per_s=16_000)) as url:
        sound = LiveSound(Source.of(url))
        blocks = sound.blocks(RATE_HZ)
        next(blocks)
        sound.stop()

        assert list(blocks) == []


@pytest.fixture
def alsa(monkeypatch, tmp_path):
    """ALSA with one device, which gives what is in a file, as fast as it is asked."""
    if sys.platform != "linux" or "alsa" not in av.formats_available:
        pytest.skip("PyAV has no ALSA here")
    raw = tmp_path / "song.raw"
    song = f'type file slave.pcm "null" file "/dev/null" infile "{raw}" format "raw"'
    (tmp_path / "asound.conf").write_text(f"pcm.song {{ {song} }}\npcm.null {{ type null }}\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    return raw


def test_device_is_heard(alsa, rng):
    """Not from the very first sample on: FFmpeg looks at some to learn what they are."""
    wave = synth.melody(rng, 2.0, 48_000)
    alsa.write_bytes(np.repeat((32767 * wave).astype("<i2"), 2).tobytes())  # the same left and right
    sound = LiveSound(Source.of(None, "song"))
    captured = np.zeros(0, np.float32)
    for block in sound.blocks(48_000):
        captured = np.concatenate([captured, block])
        if len(captured) > 48_000:
            break

    np.testing.assert_allclose(captured[:48_000], wave[:48_000], atol=1e-3)


def test_device_that_is_not_there_is_named(alsa):
    with pytest.raises(AudioReadError, match=r"nonesuch: is no device that can be heard here \(see --list-devices\)"):
        heard(Source.of(None, "nonesuch"))


def test_devices_are_listed(monkeypatch):
    if sys.platform != "linux" or not Path("/usr/share/alsa/alsa.conf").exists():
        pytest.skip("no configuration of ALSA here")
    monkeypatch.delenv("ALSA_CONFIG_PATH", raising=False)

    assert "null" in [device.name for device in devices()]
