"""What happens to music between a loudspeaker and a stranger's recording of it: each step a function of waveforms.

Waves are mono (T,) float32, full scale 1. Filters, tempo and codecs are FFmpeg's, through PyAV.
"""

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from songradar.ml.audio import Wave, frame_of, read_audio, resampled
from songradar.ml.noise import rms

CODECS = {
    "mp3": ("libmp3lame", "mp3", 24_000),
    "opus": ("libopus", "ogg", 12_000),
    "aac": ("aac", "mp4", 24_000),
    "amr": ("libopencore_amrnb", "amr", 12_200),
    "mu-law": ("pcm_mulaw", "wav", 64_000),
}
"""Codecs by name: FFmpeg's encoder, the container, bits a second. AMR is what GSM telephones speak."""

ARRIVAL = 0.1
"""Share of an impulse response's peak at which the sound arrives."""

_AT_8_KHZ = ("amr", "mu-law")


def reverberate(wave: Wave, response: Wave, pre_roll: int = 0) -> Wave:
    """`wave` heard through an impulse response, at the level it had.

    The first `pre_roll` samples of `wave` precede the recording. They are cut off after the convolution, so that the
    result begins with their reverberation, as in the middle of a song. (T,) -> (T - pre_roll,).
    """
    size = len(wave) + len(response) - 1
    n_fft = 1 << (size - 1).bit_length()
    heard = np.fft.irfft(np.fft.rfft(wave, n_fft) * np.fft.rfft(response, n_fft), n_fft)[pre_roll : len(wave)]
    return at_level(heard.astype(np.float32), rms(wave[pre_roll:]))


def at_level(wave: Wave, level: float) -> Wave:
    """`wave` scaled to a root mean square of `level`; silence stays silence."""
    now = rms(wave)
    return np.asarray(wave * (level / now), np.float32) if now else wave


def band_pass(wave: Wave, rate_hz: int, low_hz: float, high_hz: float, poles: int = 4) -> Wave:
    """Attenuate below `low_hz` and above `high_hz`, by 6 dB per octave for each of the `poles` (2 or 4).

    A telephone carries 300 to 3,400 Hz; a small loudspeaker nothing below 200 Hz or so.
    """
    high = [("lowpass", f"f={high_hz:.1f}")] if high_hz < rate_hz / 2 else []
    return _filtered(wave, rate_hz, [("highpass", f"f={low_hz:.1f}"), *high] * (poles // 2))


def clip(wave: Wave, over_db: float) -> Wave:
    """Simulate an overdriven input: clip everything above a ceiling `over_db` below the highest peak."""
    ceiling = float(np.max(np.abs(wave))) * 10 ** (-over_db / 20)
    return np.clip(wave, -ceiling, ceiling)


def compress(wave: Wave, rate_hz: int, threshold_db: float = -24.0, ratio: float = 4.0) -> Wave:
    """Compress dynamics: above `threshold_db` (0 dB = full scale), `ratio` dB more input gives 1 dB more output."""
    arguments = f"threshold={10 ** (threshold_db / 20):.6f}:ratio={ratio:.2f}:attack=5:release=100"
    return _filtered(wave, rate_hz, [("acompressor", arguments)])


def boost(wave: Wave, rate_hz: int, centre_hz: float, gain_db: float) -> Wave:
    """Raise the octave around `centre_hz` by `gain_db`, or lower it, as an equaliser does."""
    return _filtered(wave, rate_hz, [("equalizer", f"f={centre_hz:.1f}:t=o:w=1:g={gain_db:.2f}")])


def limit(wave: Wave, rate_hz: int, ceiling_db: float = -1.0) -> Wave:
    """Turn down, for moments, what would exceed `ceiling_db` (0 dB = full scale), without clipping it."""
    arguments = f"limit={10 ** (ceiling_db / 20):.6f}:attack=5:release=50:level=false:latency=true"
    return _filtered(wave, rate_hz, [("alimiter", arguments)])


def change_speed(wave: Wave, rate_hz: int, factor: float) -> Wave:
    """Played `factor` times as fast: tempo and pitch rise together, as on a turntable. (T,) -> (T / factor,)."""
    played = round(rate_hz * factor)
    return _filtered(wave, rate_hz, [("asetrate", f"r={played}"), ("aresample", f"{rate_hz}")])


def change_tempo(wave: Wave, rate_hz: int, factor: float) -> Wave:
    """Played `factor` times as fast at the same pitch, as DJs and radio stations do. (T,) -> (T / factor,)."""
    return _filtered(wave, rate_hz, [("atempo", f"{factor:.6f}")])


def change_pitch(wave: Wave, rate_hz: int, semitones: float) -> Wave:
    """Higher by `semitones` at the same tempo. (T,) -> about (T,)."""
    factor = 2 ** (semitones / 12)
    played = round(rate_hz * factor)
    steps = [("asetrate", f"r={played}"), ("aresample", f"{rate_hz}"), ("atempo", f"{rate_hz / played:.6f}")]
    return _filtered(wave, rate_hz, steps)


def through_codec(wave: Wave, rate_hz: int, name: str, bit_rate: int | None = None) -> Wave:
    """Encode and decode `wave` with one of CODECS; the codec's delay is removed. (T,) -> (T,)."""
    if not len(wave):
        return wave
    decoded = _read(io.BytesIO(encoded(wave, rate_hz, name, bit_rate)), rate_hz)
    return np.pad(decoded[: len(wave)], (0, max(0, len(wave) - len(decoded))))


def encoded(wave: Wave, rate_hz: int, name: str, bit_rate: int | None = None) -> bytes:
    """`wave` as a file, by one of CODECS."""
    file = io.BytesIO()
    encode([wave], rate_hz, file, name, bit_rate)
    return file.getvalue()


def encode(blocks: Iterable[Wave], rate_hz: int, file: IO[bytes], name: str, bit_rate: int | None = None) -> None:
    """Write a wave that comes in blocks, by one of CODECS; the same bytes each time, where Ogg's would be random."""
    encoder, container, usual = CODECS[name]
    coded_hz, n_samples = 8000 if name in _AT_8_KHZ else rate_hz, 0
    with av.open(file, "w", format=container, options={"fflags": "+bitexact"}) as output:
        stream: Any = output.add_stream(encoder, rate=coded_hz, layout="mono")  # PyAV types it as any kind of stream
        stream.bit_rate = bit_rate or usual
        resampler = av.AudioResampler(stream.format, "mono", coded_hz, frame_size=stream.codec_context.frame_size)
        for block in blocks:
            frame = frame_of(block, rate_hz)
            frame.pts, n_samples = n_samples, n_samples + len(block)
            for part in resampler.resample(frame):
                output.mux(stream.encode(part))
        for part in resampler.resample(None):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))


def random_response(responses: Sequence[Wave], rng: np.random.Generator) -> Wave:
    """One of `responses`."""
    return responses[int(rng.integers(len(responses)))]


def read_responses(paths: Sequence[Path], rate_hz: int) -> list[Wave]:
    """Impulse responses, cut to begin at the direct sound and scaled to an energy of 1. Raises AudioReadError.

    The part before the direct sound (travel time or silence in the file) would only delay the recordings.
    """
    waves = [read_audio(path, rate_hz) for path in paths]
    arrived = [wave[np.argmax(np.abs(wave) > ARRIVAL * np.max(np.abs(wave))) :] for wave in waves if rms(wave)]
    return [np.asarray(wave / np.sqrt(np.sum(np.square(wave))), np.float32) for wave in arrived]


def _filtered(wave: Wave, rate_hz: int, filters: Sequence[tuple[str, str]]) -> Wave:
    """`wave` through a chain of FFmpeg's filters, each a name and its arguments."""
    if not len(wave):
        return wave
    graph = Graph()
    chain = [
        graph.add_abuffer(sample_rate=rate_hz, format="flt", layout="mono", time_base=Fraction(1, rate_hz)),
        *(graph.add(name, arguments) for name, arguments in filters),
        graph.add("aformat", f"sample_fmts=flt:sample_rates={rate_hz}:channel_layouts=mono"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*chain).configure()
    chain[0].push(frame_of(wave, rate_hz))
    chain[0].push(None)
    pulled = []
    while True:
        try:
            pulled.append(np.asarray(cast("AudioFrame", chain[-1].pull()).to_ndarray()).reshape(-1))
        except (av.error.EOFError, av.error.BlockingIOError):
            return np.concatenate(pulled or [np.zeros(0, np.float32)])


def _read(file: io.BytesIO, rate_hz: int) -> Wave:
    with av.open(file, "r") as container:
        return np.concatenate([*resampled(container.decode(audio=0), rate_hz)])
