"""The loop over epochs of both recipes: the best and the last state are kept, and a kill costs one epoch."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from songradar.ml.training.checkpoints import read_curves, save, write_curves

Row = dict[str, float]
"""What was measured after an epoch, by name; `epoch` counts from 1."""


@dataclass(frozen=True)
class Schedule:
    """How long to train: at most `epochs` of `steps` batches, or until `patience` epochs brought no improvement.

    A larger value of `monitor` is better, or a smaller one if `smaller` is true.
    """

    epochs: int
    steps: int
    monitor: str
    smaller: bool = False
    patience: int | None = None

    def best_epoch(self, rows: Sequence[Row]) -> int:
        """The epoch (from 1) with the best of what is monitored; the first of equals."""
        sign = 1 if self.smaller else -1
        return int(min(rows, key=lambda row: sign * row[self.monitor])["epoch"])

    def is_over(self, rows: Sequence[Row]) -> bool:
        """Whether `patience` is exhausted. This is computed from the rows, so that it also holds after a resume."""
        return bool(rows and self.patience is not None and rows[-1]["epoch"] - self.best_epoch(rows) >= self.patience)


def run_epochs(
    model: keras.Model,
    schedule: Schedule,
    out: Path,
    run_epoch: Callable[[int], Row],
    log: Callable[[str], None],
    on_best: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Train and return one row an epoch; `run_epoch` gets the epoch's number from 0 and gives what it measured.

    In `out`, `last.keras` and `best.keras` are the states and `curves.csv` has the rows. Called again after a kill, it
    goes on after the last whole epoch: the optimizer's step count in `last.keras` says which, and a row written for an
    epoch that was not saved is dropped.
    """
    first_epoch = int(model.optimizer.iterations) // schedule.steps
    rows = read_curves(out / "curves.csv")[:first_epoch]
    for epoch in range(first_epoch, schedule.epochs):
        if schedule.is_over(rows):
            break
        started = time.monotonic()
        row = {"epoch": epoch + 1, **run_epoch(epoch)}
        rows.append({**row, "seconds": round(time.monotonic() - started, 1)})
        write_curves(rows, out / "curves.csv")
        if schedule.best_epoch(rows) == epoch + 1:
            save(model, out / "best.keras")
            on_best()
        save(model, out / "last.keras")  # comes last: an epoch counts as done when this is written
        log(" ".join(f"{key} {value:.4g}" for key, value in rows[-1].items()))
    return rows
