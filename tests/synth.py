"""Music, noise and files from a seed: what the tests listen to."""

import wave
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame

from songradar.ml.audio import Wave

RATE_HZ = 22_050


def melody(rng: np.random.Generator, duration_s: float, rate_hz: int = RATE_HZ) -> Wave:
    """Notes of a quarter of a second with five partials each: no two seeds sound alike, no two moments either."""
    notes = []
    for _ in range(int(np.ceil(duration_s * 4))):
        t = np.arange(rate_hz // 4 + 1) / rate_hz
        pitch_hz = 110 * 2 ** (rng.integers(36) / 12)
        partials = sum(rng.uniform(0.2, 1) / k * np.sin(2 * np.pi * k * pitch_hz * t) for k in range(1, 6))
        notes.append(partials * np.exp(-3 * t))
    whole = np.concatenate(notes)[: round(duration_s * rate_hz)]
    return np.asarray(0.5 * whole / np.max(np.abs(whole)), np.float32)


def speech(rng: np.random.Generator, duration_s: float, rate_hz: int = RATE_HZ) -> Wave:
    """What sounds like speech: a voice that falls and rises through vowels, four syllables a second, with hisses."""
    syllables = []
    for _ in range(int(np.ceil(duration_s * 4))):
        t = np.arange(rate_hz // 4) / rate_hz
        pitch_hz = rng.uniform(90, 160) * (1 + rng.uniform(-0.3, 0.3) * t)
        formants_hz = np.array([rng.uniform(300, 800), rng.uniform(900, 2200), rng.uniform(2300, 3000)])
        harmonics = np.arange(1, 30)[:, None] * pitch_hz
        gains = np.sum(1 / (1 + ((harmonics[..., None] - formants_hz) / 120) ** 2), axis=-1)
        voice = np.sum(gains * np.sin(2 * np.pi * np.cumsum(harmonics, axis=1) / rate_hz), axis=0)
        hiss = 0.5 * rng.standard_normal(len(t)) * (t < rng.uniform(0, 0.08))
        syllables.append(voice * np.hanning(len(t)) + hiss)
    whole = np.concatenate(syllables)[: round(duration_s * rate_hz)]
    return np.asarray(0.5 * whole / np.max(np.abs(whole)), np.float32)


def cut(song: Wave, start_s: float, duration_s: float, rate_hz: int = RATE_HZ) -> Wave:
    """A piece of a song."""
    start = round(start_s * rate_hz)
    return song[start : start + round(duration_s * rate_hz)]


def write_wav(path: Path, samples: Wave, rate_hz: int = RATE_HZ) -> Path:
    """Write a 16-bit mono WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def encode(
    path: Path,
    samples: Wave,
    codec: str,
    rate_hz: int = 48_000,
    container: str | None = None,
    metadata: dict[str, str] | None = None,
    picture: bool = False,
    picture_s: float | None = None,
) -> Path:
    """Encode mono `samples` (at 48 kHz unless said otherwise) into `path`.

    `picture` adds a stream of video, as long as the sound or `picture_s`.
    """
    with av.open(str(path), "w", format=container) as out:
        if metadata:
            out.metadata.update(metadata)
        video = _video_stream(out) if picture else None
        stream = out.add_stream(codec, rate=rate_hz, layout="mono", options={"strict": "experimental"})
        stream.bit_rate = 128_000  # of no meaning to lossless codecs
        if video is not None:  # only now: no stream can be added once the first packet is written
            _write_video(out, video, picture_s or len(samples) / rate_hz)
        frame = AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(
            stream.codec_context.format.name, "mono", rate_hz, frame_size=stream.codec_context.frame_size or 1024
        )
        for source in (frame, None):
            for piece in resampler.resample(source):
                out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return path


def _video_stream(out: av.container.OutputContainer) -> av.VideoStream:
    stream = out.add_stream("mpeg4", rate=1)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    return stream


def _write_video(out: av.container.OutputContainer, stream: av.VideoStream, duration_s: float) -> None:
    for _ in range(max(1, round(duration_s))):
        out.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
    out.mux(stream.encode(None))
