"""AudioSpec: everything one must know about an encoder to make embeddings that compare with its own."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from songradar.ml.errors import EncoderFileError

EMBEDDING_DIM = 64
"""Dimensions of a stored embedding; encoders with fewer are padded with zeros, which changes no distance."""


@dataclass(frozen=True)
class AudioSpec:
    """How audio becomes embeddings. Stored beside the weights (`spec.json`) and in the database.

    Fragments are windows of `fragment_s` seconds of mono audio at `sample_rate_hz`. A song's fragments start every
    `hop_s`, a query's every `query_hop_s`. A fragment whose level is below `silence_dbfs` (root mean square, 0 dB =
    full scale) is skipped. The remaining fields describe the mel spectrogram inside the network; nobody needs them
    to use the encoder, whose ONNX takes the waveform.
    """

    kind: str
    sample_rate_hz: int
    fragment_s: float
    hop_s: float
    query_hop_s: float
    dim: int
    n_fft: int
    hop_length: int
    n_mels: int
    n_frames: int
    top_db: float = 80.0
    silence_dbfs: float = -70.0
    f_min_hz: float = 0.0
    f_max_hz: float | None = None

    @property
    def fragment_samples(self) -> int:
        """Samples in one fragment."""
        return round(self.fragment_s * self.sample_rate_hz)

    def samples(self, seconds: float) -> int:
        """`seconds` as a whole number of samples."""
        return round(seconds * self.sample_rate_hz)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from parsed JSON. Raises EncoderFileError when a field is missing; unknown fields are ignored."""
        known = {field.name for field in fields(cls)}
        try:
            spec = cls(**{key: value for key, value in values.items() if key in known})
        except (AttributeError, TypeError) as error:
            raise EncoderFileError(f"AudioSpec is incomplete: {error}") from error
        for name in ("sample_rate_hz", "fragment_s", "hop_s", "query_hop_s"):
            value = getattr(spec, name)
            if not is_number(value) or value <= 0:
                raise EncoderFileError(f"AudioSpec: {name}={str(value)[:40]} is no positive number")
        return spec

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read `spec.json`. Raises EncoderFileError when it is missing or not JSON."""
        try:
            values = json.loads(path.read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise EncoderFileError(f"{path}: cannot be read as an AudioSpec ({error})") from error
        return cls.from_dict(values)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.as_dict(), indent=2) + "\n")


def is_number(value: object) -> bool:
    """Whether a value of JSON is a number that one can reckon with: finite, and of less than ten digits.

    >>> [is_number(value) for value in (8000, 0.625, True, "8000", float("nan"), 10**400)]
    [True, True, False, False, False, False]
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


SIAMESE = AudioSpec(
    kind="siamese",
    sample_rate_hz=22_050,
    fragment_s=10.0,
    hop_s=10.0,
    query_hop_s=1.0,
    dim=64,
    n_fft=2048,
    hop_length=1470,  # 10 s * 22,050 Hz / 150 frames: the picture is 150 columns wide without resizing
    n_mels=150,
    n_frames=150,
)
"""The article's system: ten-second fragments as 150 x 150 mel spectrograms."""

CONTRASTIVE = AudioSpec(
    kind="contrastive",
    sample_rate_hz=8000,
    fragment_s=0.97175,  # n_fft + 27 hops: every frame lies within the fragment
    hop_s=0.625,
    query_hop_s=0.3125,
    dim=64,
    n_fft=1024,
    hop_length=250,
    n_mels=128,
    n_frames=28,
    top_db=60.0,
    f_min_hz=160.0,
    f_max_hz=4000.0,
)
"""The shipped recipe: one-second fragments, of which a query is a sequence."""
