"""Decode any audio or video file to mono float32, as a stream of blocks."""

import math
import stat
import wave as wav
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from numpy.typing import NDArray

from songradar.ml.errors import AudioReadError
from songradar.ml.lengths import length_of

Wave = NDArray[np.float32]
"""Mono samples, (T,) float32, full scale = 1."""
TOO_MUCH_MEMORY = "asks for more memory than a recording needs: its header is damaged"

PLAYLISTS = (b"#extm3u", b"ffconcat", b"[playlist]", b"<asx", b"<?xml", b"<smil", b"[reference]", b"http://", b"rtsp:")
"""How lists of other files begin, in lower case."""

_Sample = TypeVar("_Sample", bound=np.generic)

MIN_RATE_HZ, MAX_RATE_HZ = 1000, 768_000
"""No music has a lower sample rate, and no converter a higher one. A damaged header could turn a second into hours."""

CHUNK = 1 << 16
"""Samples converted at a time."""

MAX_DURATION_S = 48 * 3600
"""Longest recording that is decoded. A small damaged file may claim to be longer and decode without end."""

FORMATS = """
    aac ac3 ac4 aiff amr amrnb amrwb ape asf au avi caf dsf dss dts dtshd dv eac3 flac flv gsm iff kux loas
    matroska,webm mlp mov,mp4,m4a,3gp,3g2,mj2 mp3 mpc mpc8 mpeg mpegts mpegvideo mxf nsv nut nuv ogg oma qcp qoa rm rpl
    sbc shn sox spdif swf tak truehd tta ty voc vqf w64 wav wsd wtv wv xwma
"""
"""FFmpeg's names of containers of sound and video. Left out are playlists, which open other files, and pictures."""

_OPTIONS = {"format_whitelist": ",".join(FORMATS.replace(",", " ").split()), "protocol_whitelist": "file"}

MIN_DECODED_SHARE = 0.9
"""A file that gives less than this share of the duration in its header is truncated."""


# Tags that are not UTF-8 are no reason to refuse the audio; PyAV 19 replaces them without being asked.
LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


def decode(path: Path, sample_rate_hz: int) -> Iterator[Wave]:
    """Yield the first audio stream of `path` in blocks of (t,) float32 within [-1, 1], mixed to mono and resampled.

    Memory use does not grow with the file's length. NaN samples become silence, and samples beyond full scale are
    clipped. Damaged packets are skipped, as players do. Raises AudioReadError when there is no audio, when the audio
    is longer than MAX_DURATION_S, and, after the last block, when the file is truncated (see MIN_DECODED_SHARE).
    """
    container = _open(path)
    with container:
        if not container.streams.audio:
            raise AudioReadError(path, "has no audio stream")
        n_samples = 0
        try:
            for block in resampled(frames_of(container, path), sample_rate_hz):
                n_samples += len(block)
                if n_samples > MAX_DURATION_S * sample_rate_hz:
                    raise AudioReadError(path, f"is longer than {MAX_DURATION_S / 3600:g} hours")
                yield block
        except MemoryError as error:
            raise AudioReadError(path, TOO_MUCH_MEMORY) from error
        except (av.FFmpegError, ValueError) as error:  # PyAV raises ValueError for a format it cannot follow
            why = getattr(error, "strerror", None) or error  # without the path, which may be nobody else's business
            raise AudioReadError(path, f"breaks off while decoding ({why})") from error
        _check_complete(path, container, n_samples / sample_rate_hz)


def read_audio(path: Path, sample_rate_hz: int, n_samples: int | None = None) -> Wave:
    """Read all of `path`, or its first `n_samples`, into memory: (T,) float32. Raises AudioReadError like `decode`."""
    blocks: list[Wave] = []
    for block in decode(path, sample_rate_hz):
        blocks.append(block)
        if n_samples is not None and sum(map(len, blocks)) >= n_samples:
            break
    return np.concatenate(blocks)[:n_samples]


def declared_duration_s(path: Path) -> float | None:
    """Seconds that the file says it lasts; None where it says nothing. Raises AudioReadError."""
    with _open(path) as container:
        if not container.streams.audio:
            raise AudioReadError(path, "has no audio stream")
        return length_of(path, container)


def excerpt(wave: NDArray[_Sample], start: int, size: int) -> NDArray[_Sample]:
    """Cut `size` samples from `wave` (T,), beginning at `start`. Samples before or after the wave are zeros."""
    piece = np.zeros(size, wave.dtype)
    inside = wave[max(0, start) : max(0, start + size)]
    first = max(0, -start)
    piece[first : first + len(inside)] = inside
    return piece


def resample(wave: Wave, from_hz: int, to_hz: int) -> Wave:
    """(T,) float32 -> about (T * to_hz / from_hz,) float32."""
    if from_hz == to_hz:
        return wave
    return np.concatenate([np.zeros(0, np.float32), *resampled(iter([frame_of(wave, from_hz)]), to_hz)])


class Resampling:
    """Mono sound that comes in blocks, such as a microphone's, at another rate."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz, self._resampler = from_hz, AudioResampler("flt", "mono", to_hz)

    def add(self, block: Wave) -> Wave:
        """(t,) float32 -> what can be told so far, about (t * to_hz / from_hz,) float32; some comes a moment later."""
        frame = frame_of(block, self._from_hz)
        frame.pts = None
        pieces = [out.to_ndarray()[0] for out in self._resampler.resample(frame)]
        return np.concatenate([np.zeros(0, np.float32), *pieces]).astype(np.float32, copy=False)


def write_wav(wave: Wave, sample_rate_hz: int, path: Path) -> None:
    """Write (T,) float32 as 16-bit mono; what exceeds full scale is clipped."""
    write_wav_blocks([wave], sample_rate_hz, path)


def write_wav_blocks(blocks: Iterable[Wave], sample_rate_hz: int, path: Path) -> None:
    """The same for a wave that comes in blocks."""
    with wav.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        for block in blocks:
            file.writeframes(np.round(np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())


def frame_of(wave: Wave, sample_rate_hz: int) -> AudioFrame:
    """(T,) float32 as FFmpeg takes it."""
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(wave, np.float32)[None], format="flt", layout="mono")
    frame.sample_rate = sample_rate_hz
    frame.pts, frame.time_base = 0, Fraction(1, sample_rate_hz)
    return frame


def _open(path: Path) -> InputContainer:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioReadError(path, "is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise AudioReadError(path, "is not a regular file")
        if not status.st_size:
            raise AudioReadError(path, "is empty")
        container: InputContainer = av.open(str(path.absolute()), options=_OPTIONS, **LENIENT)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AudioReadError(path, "does not exist") from error
    except PermissionError as error:
        raise AudioReadError(path, "may not be read (permission denied)") from error
    except MemoryError as error:
        raise AudioReadError(path, TOO_MUCH_MEMORY) from error
    except av.FFmpegError as error:
        what = "is a playlist, not a recording" if _is_playlist(path) else "is not audio that can be decoded"
        raise AudioReadError(path, what) from error
    except OSError as error:  # a circle of links, a name that is too long, a disk that fails
        raise AudioReadError(path, f"cannot be read ({error.strerror})") from error
    return container


def _is_playlist(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(PLAYLISTS)


def frames_of(container: InputContainer, path: Path | str) -> Iterator[AudioFrame]:
    """Decoded frames; a packet that cannot be decoded is skipped."""
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise AudioReadError(path, "has audio in a format that cannot be decoded")
    if not stream.rate:
        raise AudioReadError(path, "is not audio that can be decoded")
    if not MIN_RATE_HZ <= stream.rate <= MAX_RATE_HZ:
        raise AudioReadError(path, f"has a damaged header: {stream.rate} samples a second")
    stream.codec_context.thread_type = "NONE"  # songs are decoded side by side; a thread per codec only adds switches
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except MemoryError:
            raise
        except av.FFmpegError:  # codecs disagree about which error a damaged packet is
            continue
        yield from frames


def resampled(frames: Iterator[AudioFrame], sample_rate_hz: int, chunk: int = CHUNK) -> Iterator[Wave]:
    """Mono float32 blocks of `chunk` samples before resampling.

    When a stream changes its format midway (chained Ogg, AAC), a new conversion starts.
    """
    conversion, source = None, None
    for frame in frames:
        layout = (frame.format.name, frame.layout.name, frame.sample_rate)
        if layout != source:
            if conversion is not None:
                yield from conversion.rest()
            conversion, source = _Conversion(frame.layout.nb_channels, sample_rate_hz, chunk), layout
        assert conversion is not None
        yield from conversion.add(frame)
    if conversion is not None:
        yield from conversion.rest()


class _Conversion:
    """Mix and resample frames of one format, `chunk` samples at a time: frame by frame takes twice as long."""

    def __init__(self, n_channels: int, sample_rate_hz: int, chunk: int) -> None:
        self._frames, self._n_channels, self._chunk = AudioFifo(), n_channels, chunk
        self._resampler = AudioResampler("flt", "mono", sample_rate_hz)
        # FFmpeg mixes stereo to (L + R) / sqrt(2), which can exceed full scale; this makes it the mean
        self._gain = np.float32(1.0 if n_channels == 1 else math.sqrt(0.5))

    def add(self, frame: AudioFrame) -> Iterator[Wave]:
        frame.pts = None  # gaps in the time stamps must not become gaps in the audio
        self._frames.write(frame)
        while self._frames.samples >= self._chunk:
            yield from self._converted(self._frames.read(self._chunk))

    def rest(self) -> Iterator[Wave]:
        if self._frames.samples:
            yield from self._converted(self._frames.read(self._frames.samples))
        yield from self._converted(None)

    def _converted(self, frame: AudioFrame | None) -> Iterator[Wave]:
        try:
            converted = self._resampler.resample(frame)
        except av.ArgumentError as error:
            if self._n_channels <= 8:
                raise
            raise ValueError(f"{self._n_channels} channels in no order that is known cannot be mixed") from error
        for out in converted:
            samples = self._gain * out.to_ndarray()[0].astype(np.float32, copy=False)
            yield np.clip(np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)


def _check_complete(path: Path, container: InputContainer, decoded_s: float) -> None:
    if decoded_s == 0:
        raise AudioReadError(path, "is not audio that can be decoded")
    declared_s = length_of(path, container)
    if declared_s is not None and decoded_s < MIN_DECODED_SHARE * declared_s:
        raise AudioReadError(
            path, f"is truncated: {decoded_s:.1f} s of the {declared_s:.1f} s in its header can be decoded"
        )


def windows(blocks: Iterator[Wave], size: int, hop: int, slack: int = 0) -> Iterator[Wave]:
    """Cut a stream into windows of `size` samples that start every `hop` samples; each (size,) float32.

    The remainder at the end is padded with zeros if at most `slack` samples are missing. Otherwise it is dropped.

    >>> [w.tolist() for w in windows(iter([np.arange(5, dtype=np.float32)]), size=2, hop=2, slack=1)]
    [[0.0, 1.0], [2.0, 3.0], [4.0, 0.0]]
    """
    buffer, skip = np.zeros(0, np.float32), 0
    for block in _at_least(blocks, size):
        buffer = np.concatenate([buffer, block])
        dropped = min(skip, len(buffer))
        buffer, skip = buffer[dropped:], skip - dropped
        starts = range(0, len(buffer) - size + 1, hop) if not skip else range(0)
        for start in starts:
            yield buffer[start : start + size]
        next_start = len(starts) * hop
        buffer, skip = buffer[next_start:], skip + max(0, next_start - len(buffer))
    missing = size - len(buffer)
    if not skip and 0 < missing <= slack and len(buffer):
        yield np.pad(buffer, (0, missing))


def _at_least(blocks: Iterator[Wave], size: int) -> Iterator[Wave]:
    """The same stream in blocks of at least `size` samples, except the last, so that joining them stays cheap."""
    held: list[Wave] = []
    n_held = 0
    for block in blocks:
        held.append(block)
        n_held += len(block)
        if n_held >= size:
            yield np.concatenate(held)
            held, n_held = [], 0
    if held:
        yield np.concatenate(held)


def level_dbfs(wave: Wave) -> float:
    """Root-mean-square level in dB relative to full scale; -inf for digital silence."""
    mean_square = float(np.mean(np.square(wave, dtype=np.float64))) if len(wave) else 0.0
    return 10 * math.log10(mean_square) if mean_square > 0 else -math.inf
