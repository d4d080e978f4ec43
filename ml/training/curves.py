"""Training curves as a picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

CURVES = {"": "training", "fragments_": "other fragments of the same songs", "songs_": "songs not trained on"}


def draw_curves(rows: Sequence[dict[str, float]], path: Path) -> None:
    """Loss and accuracy by epoch, one line for each part of the data."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in rows]
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for prefix, label in CURVES.items():
            axes.plot(epochs, [row[prefix + quantity] for row in rows], label=label)
        axes.set(xlabel="epoch", ylabel="binary cross-entropy" if quantity == "loss" else "accuracy of pairs")
        axes.grid(alpha=0.3)
    figure.axes[0].legend()
    figure.savefig(path, dpi=120)
