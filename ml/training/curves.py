"""Training curves as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, float]]
"""One row an epoch, values by their names."""


def draw_pair_curves(rows: Rows, path: Path) -> None:
    """Siamese training: loss and accuracy by epoch, one line for each part of the data."""
    parts = {"": "training", "fragments_": "other fragments of the same songs", "songs_": "songs not trained on"}
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        _lines(axes, rows, {prefix + quantity: label for prefix, label in parts.items()})
        axes.set(ylabel="binary cross-entropy" if quantity == "loss" else "accuracy of pairs")
    figure.axes[0].legend()
    figure.savefig(path, dpi=120)


def draw_retrieval_curves(rows: Rows, path: Path) -> None:
    """Contrastive training: loss, and the hit rates of songs not trained on from one second and from three."""
    figure = Figure(figsize=(13, 4), layout="constrained")
    loss, *by_length = figure.subplots(1, 3)
    _lines(loss, rows, {"loss": "training"})
    loss.set(ylabel="NT-Xent")
    for axes, ending in zip(by_length, (", 1 s", ", 3 s"), strict=True):
        _lines(axes, rows, {key: key.removesuffix(ending) for key in rows[0] if key.endswith(ending)})
        axes.set(ylabel="named rightly", ylim=(0, 1.02), title=f"{ending[2:]}, songs not trained on")
    by_length[-1].legend(fontsize="small", loc="lower right")
    figure.savefig(path, dpi=120)


def _lines(axes: Axes, rows: Rows, labels: Mapping[str, str]) -> None:
    """One line over epochs for each key of `labels`."""
    for key, label in labels.items():
        axes.plot([row["epoch"] for row in rows], [row[key] for row in rows], label=label)
    axes.set(xlabel="epoch")
    axes.grid(alpha=0.3)
