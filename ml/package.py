"""The folder of an encoder: encoder.onnx, spec.json, cohort.npy, calibration.json, metrics.json, CARD.md."""

import json
import re
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from songradar.ml.encoder import Encoder, read_onnx, sha256_of
from songradar.ml.errors import EncoderFileError
from songradar.ml.spec import EMBEDDING_DIM, AudioSpec, is_number

SHIPPED = "contrastive"
"""The encoder in the package that a catalogue without encoders begins with."""

NETWORK, SPEC, COHORT, CALIBRATION = "encoder.onnx", "spec.json", "cohort.npy", "calibration.json"
METRICS, CARD = "metrics.json", "CARD.md"

Cohort: TypeAlias = list[list[list[float]]]
"""Embeddings of strangers (S, L, 64): S stretches of L consecutive fragments, each from a song of its own."""

UNCREDITED = "Whatever the music's licences say.\n"
"""What a card says of licences where nobody has told."""

WEIGHTS = ("fragments", "intercept", "lead", "peak", "threshold")
"""Arrays of a calibration, all of one length; weights_v1 interpolates."""


@dataclass(frozen=True)
class EncoderPackage:
    """All that the folder of an encoder holds, under the name that it has in a catalogue."""

    name: str
    sha256: bytes
    spec: dict[str, Any]
    cohort: Cohort | None
    calibration: dict[str, Any] | None
    metrics: dict[str, Any]
    card: str
    onnx: bytes


def read_package(folder: Path, name: str | None = None) -> EncoderPackage:
    """Read an encoder; its name defaults to the folder's. Raises EncoderFileError, also if it cannot be run."""
    if not folder.is_dir():
        raise EncoderFileError(f"{folder}: is not a folder")
    name = name or folder.resolve().name.lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise EncoderFileError(f"{name!r} is no name for an encoder: small letters, digits, - and _; see --name")
    onnx, spec = read_onnx(folder), AudioSpec.read(folder / SPEC)
    Encoder(onnx, spec, name)
    card = folder / CARD
    return EncoderPackage(
        name=name,
        sha256=sha256_of(onnx),
        spec=spec.as_dict(),
        cohort=read_cohort(folder / COHORT),
        calibration=read_calibration(folder / CALIBRATION),
        metrics=read_metrics(folder / METRICS),
        card=card.read_text("utf-8") if card.exists() else "",
        onnx=onnx,
    )


def read_included(included: str, name: str | None = None) -> EncoderPackage | None:
    """The encoder called `included` that comes with songradar, under that name or another; None if there is none."""
    if not re.fullmatch(r"[a-z0-9_-]+", included):
        return None
    weights = files("songradar.ml").joinpath("weights", included)
    if not weights.is_dir():
        return None
    with as_file(weights) as folder:
        return read_package(folder, name or included)


def read_shipped() -> EncoderPackage:
    """The encoder that a catalogue begins with."""
    shipped = read_included(SHIPPED)
    assert shipped is not None
    return shipped


def write_package(package: EncoderPackage, folder: Path) -> None:
    """The reverse of `read_package`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NETWORK).write_bytes(package.onnx)
    (folder / CARD).write_text(package.card, "utf-8")
    if package.cohort is not None:
        write_cohort(folder, np.array(package.cohort))
    for file, values in ((SPEC, package.spec), (CALIBRATION, package.calibration), (METRICS, package.metrics)):
        if values is not None:
            write_json(folder / file, values)


def write_network(folder: Path, onnx: bytes, spec: AudioSpec) -> None:
    """Leave the network and its AudioSpec in `folder`, and delete an older network's cohort and calibration."""
    (folder / NETWORK).write_bytes(onnx)
    spec.write(folder / SPEC)
    for name in (COHORT, CALIBRATION):
        (folder / name).unlink(missing_ok=True)


def write_cohort(folder: Path, cohort: NDArray[np.floating[Any]]) -> None:
    """Leave the embeddings of strangers (S, L, 64) in `folder`, as exact as the database keeps embeddings."""
    np.save(folder / COHORT, cohort.astype(np.float16))


def write_facts(folder: Path, metrics: dict[str, Any], calibration: dict[str, Any] | None, card: str) -> None:
    """Write the metrics, the calibration (if any) and the card beside a network."""
    if calibration is not None:
        write_json(folder / CALIBRATION, calibration)
    write_json(folder / METRICS, metrics)
    (folder / CARD).write_text(card, "utf-8")


def write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n")


def read_metrics(path: Path) -> dict[str, Any]:
    """What an encoder's training measured; empty where nothing is told. Raises EncoderFileError."""
    return _read_json(path) or {}


def read_calibration(path: Path) -> dict[str, Any] | None:
    """The weights for confidence_v1, None where the encoder was not calibrated."""
    weights = _read_json(path)
    if weights is None:
        return None
    found = [weights.get(name) for name in WEIGHTS]
    for name, values in zip(WEIGHTS, found, strict=True):
        if not isinstance(values, list) or not values or not all(map(is_number, values)):
            raise EncoderFileError(f"{path}: has no numbers under {name}")
        if len(values) != len(weights["fragments"]):
            raise EncoderFileError(f"{path}: has {len(values)} numbers under {name}, not {len(weights['fragments'])}")
    if sorted(set(weights["fragments"])) != weights["fragments"] or weights["fragments"][0] < 1:
        raise EncoderFileError(f"{path}: the numbers under fragments do not ascend from 1")
    return weights


def read_cohort(path: Path) -> Cohort | None:
    """The embeddings of strangers, None where there are none."""
    if not path.exists():
        return None
    try:
        cohort = np.load(path)
    except Exception as error:  # a damaged header is Python that NumPy parses: TokenError, SyntaxError, MemoryError
        raise EncoderFileError(f"{path}: is no array of NumPy ({error})") from error
    if cohort.ndim != 3 or cohort.shape[-1] != EMBEDDING_DIM or not np.isfinite(cohort).all():
        raise EncoderFileError(f"{path}: has the shape {cohort.shape} instead of (songs, fragments, {EMBEDDING_DIM})")
    found: Cohort = cohort.astype(float).tolist()
    return found


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise EncoderFileError(f"{path}: is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise EncoderFileError(f"{path}: is no object of JSON, which is in braces")
    return values
