"""What a training leaves in its folder, so that it can be killed and go on."""

import csv
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from songradar.ml.errors import TrainingDataError


def check_settings(settings: dict[str, Any], out: Path) -> None:
    """Save the settings of a training in `out`, or raise TrainingDataError when `out` holds different ones.

    Resuming with other music or another seed would train on songs that were held out for validation.
    """
    file = out / "settings.json"
    settings = json.loads(json.dumps(settings))
    known = json.loads(file.read_text()) if file.exists() else settings
    changed = [key for key, value in settings.items() if known.get(key) != value]
    if changed:
        raise TrainingDataError(f"{out}: holds a training with another {', '.join(changed)}; choose an empty folder")
    file.write_text(json.dumps(settings, indent=2) + "\n")


def save(model: keras.Model, path: Path) -> None:
    """Save so that a kill leaves either the old file or the new one."""
    partial = path.with_suffix(f".partial{path.suffix}")
    model.save(partial)
    partial.replace(path)


def write_weights(model: keras.Model, path: Path) -> None:
    """Keep what a later training begins with: kernels in half precision, without the optimizer's state."""
    weights = [array.astype(np.float16 if array.ndim > 1 else np.float32) for array in model.get_weights()]
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, *weights)
    partial.replace(path)


def read_weights(path: Path) -> list[NDArray[np.float32]]:
    """What `write_weights` kept, as `set_weights` takes it. Raises OSError, ValueError."""
    with np.load(path) as kept:
        return [kept[f"arr_{number}"].astype(np.float32) for number in range(len(kept.files))]


def write_curves(rows: list[dict[str, float]], path: Path) -> None:
    partial = path.with_suffix(".partial.csv")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)


def read_curves(path: Path) -> list[dict[str, float]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
