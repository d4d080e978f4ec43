"""Encoder: the trained network and its AudioSpec, run by ONNX Runtime. Waveform in, embeddings out."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from songradar.ml.audio import Wave, level_dbfs, windows
from songradar.ml.errors import ClipTooShort, EncoderFileError, SilentAudio
from songradar.ml.spec import EMBEDDING_DIM, AudioSpec

BATCH_SIZE = 8
"""Fragments per run of the network: larger ones gain no speed on a processor and cost memory."""

MAX_QUERY_FRAGMENTS = 128
"""Most fragments of a query that are compared, 40 s with the shipped encoder. More would add little evidence."""

MISSING_SHARE = 0.01
"""A recording may be shorter than its last fragment by this share: encoders' padding makes 10 s into 9.98 s."""


@dataclass(frozen=True)
class Fingerprint:
    """The fragments of one recording that are not silent.

    `embeddings` is (F, 64) float32, ready for the database; `positions` (F,) int32 counts hops from the start, so
    that fragment i starts at `positions[i] * hop_s`; `duration_s` is the length of the whole recording.
    """

    embeddings: NDArray[np.float32]
    positions: NDArray[np.int32]
    hop_s: float
    duration_s: float

    @property
    def offsets_s(self) -> NDArray[np.float32]:
        """(F,) float32: where each fragment starts, in seconds."""
        return (self.positions * self.hop_s).astype(np.float32)


class Encoder:
    """A network that turns fragments of waveform into embeddings. Safe to share between threads."""

    def __init__(self, onnx: bytes, spec: AudioSpec, name: str, threads: int = 0) -> None:
        """`threads` bounds the cores one call uses; 0 means all. Raises EncoderFileError."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # By default, idle threads wait in a loop, which costs a song up to twice the processor time, and gains a
        # recording of five seconds a millisecond where cores are free.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own exceptions share no base below Exception
            raise EncoderFileError(f"encoder {name}: not an ONNX model that can be run ({error})") from error
        self._input = self._session.get_inputs()[0].name
        self.spec = spec
        self.name = name
        output = self._session.get_outputs()[0].shape
        if output[-1] != EMBEDDING_DIM:
            raise EncoderFileError(f"encoder {name}: gives {output[-1]} dimensions instead of {EMBEDDING_DIM}")

    @classmethod
    def read(cls, folder: Path, threads: int = 0) -> "Encoder":
        """Load `encoder.onnx` and `spec.json` from `folder`. Raises EncoderFileError."""
        return cls(read_onnx(folder), AudioSpec.read(folder / "spec.json"), folder.name, threads)

    def embed(self, fragments: NDArray[np.float32]) -> NDArray[np.float32]:
        """(F, fragment_samples) float32 waveform -> (F, 64) float32."""
        (embeddings,) = self._session.run(None, {self._input: fragments})
        return np.asarray(embeddings, np.float32)

    def fingerprint_song(self, blocks: Iterable[Wave]) -> Fingerprint:
        """Fragments every `hop_s` of a song that comes in blocks. Raises ClipTooShort, SilentAudio."""
        return self._fingerprint(blocks, self.spec.hop_s)

    def fingerprint_query(self, blocks: Iterable[Wave]) -> Fingerprint:
        """Fragments every `query_hop_s` of a clip that comes in blocks; a long clip is sampled more sparsely.

        Whenever there are more than MAX_QUERY_FRAGMENTS, every second one is dropped, and the distance between the
        following ones is doubled. Raises ClipTooShort, SilentAudio.
        """
        return self._fingerprint(blocks, self.spec.query_hop_s, at_most=MAX_QUERY_FRAGMENTS)

    def stream_query(
        self, blocks: Iterable[Wave], batch: int = BATCH_SIZE
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Fragments every `query_hop_s` of a recording of any length, as it comes: each one's number from 0, and (64,).

        Silent ones are left out. `batch` fragments are waited for at a time.
        """
        cut = windows(iter(blocks), self.spec.fragment_samples, self.spec.samples(self.spec.query_hop_s))
        audible = ((i, window) for i, window in enumerate(cut) if _is_audible(window, self.spec))
        for some in iter(lambda: list(islice(audible, batch)), []):
            numbers, fragments = zip(*some, strict=True)
            yield from zip(numbers, self.embed(np.stack(fragments)), strict=True)

    def _fingerprint(self, blocks: Iterable[Wave], hop_s: float, at_most: int | None = None) -> Fingerprint:
        spec, counter = self.spec, _Counter(blocks)
        size = spec.fragment_samples
        cut = windows(iter(counter), size, spec.samples(hop_s), slack=int(MISSING_SHARE * size))
        stride, embedded = 1, dict[int, NDArray[np.float32]]()
        audible = ((i, window) for i, window in enumerate(cut) if i % stride == 0 and _is_audible(window, spec))
        for batch in iter(lambda: list(islice(audible, BATCH_SIZE)), []):
            positions, fragments = zip(*batch, strict=True)
            embedded.update(zip(positions, self.embed(np.stack(fragments)), strict=True))
            while at_most is not None and len(embedded) > at_most:
                stride *= 2
                embedded = {position: embedding for position, embedding in embedded.items() if position % stride == 0}
        duration_s = counter.n_samples / spec.sample_rate_hz
        if not embedded:
            raise self._refusal(duration_s)
        return Fingerprint(np.stack(list(embedded.values())), np.array(list(embedded), np.int32), hop_s, duration_s)

    def _refusal(self, duration_s: float) -> ClipTooShort | SilentAudio:
        if duration_s < (1 - MISSING_SHARE) * self.spec.fragment_s:
            needed = f"encoder {self.name} needs at least {self.spec.fragment_s:g} s"
            return ClipTooShort(f"is too short: {duration_s:.1f} s, and {needed}", duration_s)
        return SilentAudio("is silent", duration_s)


class FragmentStream:
    """Fragments of a recording that comes piece by piece, each as soon as it is complete; `n` so far, silent or not."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rest = np.zeros(0, np.float32)
        self.n = 0

    def add(self, block: Wave) -> list[tuple[int, NDArray[np.float32]]]:
        """(t,) float32 -> what it completes, like `Encoder.stream_query`."""
        spec = self._encoder.spec
        hop = spec.samples(spec.query_hop_s)
        self._rest = np.concatenate([self._rest, block])
        n = (len(self._rest) - spec.fragment_samples) // hop + 1
        if n <= 0:
            return []
        found = [(self.n + i, embedding) for i, embedding in self._encoder.stream_query([self._rest], batch=n)]
        self.n += n
        self._rest = self._rest[n * hop :]
        return found


class _Counter:
    """Passes blocks on and counts their samples."""

    def __init__(self, blocks: Iterable[Wave]) -> None:
        self._blocks = blocks
        self.n_samples = 0

    def __iter__(self) -> Iterator[Wave]:
        for block in self._blocks:
            self.n_samples += len(block)
            yield block


def _is_audible(window: Wave, spec: AudioSpec) -> bool:
    return level_dbfs(window) > spec.silence_dbfs


def read_onnx(folder: Path) -> bytes:
    """The bytes of `encoder.onnx` in `folder`. Raises EncoderFileError when there is none."""
    try:
        return (folder / "encoder.onnx").read_bytes()
    except OSError as error:
        raise EncoderFileError(f"{folder}: holds no encoder.onnx that can be read") from error


def sha256_of(onnx: bytes) -> bytes:
    """What identifies an encoder: embeddings of two encoders compare only when these are equal."""
    return hashlib.sha256(onnx).digest()
