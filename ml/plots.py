"""Plots of an evaluation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from songradar.ml.evaluation import Outcome, wilson_interval

N_BINS = 10


def roc(outcomes: Sequence[Outcome]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False positive rates (K,) on absent songs and rates of right answers (K,), at decreasing thresholds.

    A recording of a present song whose best match is wrong or missing counts as not named at every threshold.
    """
    present = [o for o in outcomes if o.query.source and o.answer]
    right = np.array([o.best.confidence for o in present if o.best and o.right])
    absent = np.array([o.best.confidence if o.best else 0.0 for o in outcomes if not o.query.source and o.answer])
    thresholds = np.unique([0.0, *right, *absent])[::-1, None]
    false_rate = (absent >= thresholds).sum(axis=1) / max(1, len(absent))
    return false_rate, (right >= thresholds).sum(axis=1) / max(1, len(present))


def reliability(outcomes: Sequence[Outcome]) -> list[tuple[float, int, int]]:
    """(mean confidence, number of right answers, number of answers) for each tenth of confidence, except empty ones."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(N_BINS)]
    for confidence, right in [(o.best.confidence, o.right) for o in outcomes if o.best]:
        bins[min(N_BINS - 1, int(confidence * N_BINS))].append((confidence, right))
    return [(float(np.mean([c for c, _ in b])), sum(right for _, right in b), len(b)) for b in bins if b]


def draw_roc(outcomes: Mapping[str, Sequence[Outcome]], path: Path) -> None:
    """Share of recordings named rightly against share of absent songs falsely named, as the threshold moves."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for name, mine in outcomes.items():
        false_rate, hit_rate = roc(mine)
        axes.step(np.maximum(false_rate, 1e-4), hit_rate, label=name, where="post")
    axes.axvline(0.005, color="grey", linewidth=1, linestyle=":")
    axes.set(
        xscale="log",
        xlabel="absent songs falsely named (at most 0.5 % is the aim)",
        ylabel="recordings rightly named",
        ylim=(0, 1.02),
    )
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def draw_reliability(outcomes: Mapping[str, Sequence[Outcome]], path: Path) -> None:
    """How often an answer of a given confidence is right: on the diagonal, confidence is a probability."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle=":")
    for name, mine in outcomes.items():
        points = reliability(mine)
        shares = [n_right / n for _, n_right, n in points]
        bounds = [wilson_interval(n_right, n) for _, n_right, n in points]
        errors = [
            [max(0.0, s - low) for s, (low, _) in zip(shares, bounds, strict=True)],
            [max(0.0, high - s) for s, (_, high) in zip(shares, bounds, strict=True)],
        ]
        axes.errorbar([x for x, _, _ in points], shares, errors, marker="o", capsize=2, label=name)
    axes.set(xlabel="confidence", ylabel="share of answers that are right", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
