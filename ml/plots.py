"""Plots of an evaluation, a panel for each length of recordings."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from songradar.ml.evaluation import among_all, reliability, wilson_interval
from songradar.ml.outcomes import Outcome


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


def draw_roc(outcomes: Mapping[str, Sequence[Outcome]], path: Path) -> None:
    """Share of recordings named rightly against share of absent songs falsely named, as the threshold moves."""
    _draw(outcomes, path, _roc_panel, "absent songs falsely named (dotted: 0.5 %)", "recordings rightly named")


def _roc_panel(axes: Axes, outcomes: Mapping[str, Sequence[Outcome]]) -> None:
    for name, mine in outcomes.items():
        false_rate, hit_rate = roc(mine)
        axes.step(np.maximum(false_rate, 1e-4), hit_rate, label=name, where="post")
    axes.axvline(0.005, color="grey", linewidth=1, linestyle=":")
    axes.set(xscale="log", ylim=(0, 1.02))


def draw_reliability(outcomes: Mapping[str, Sequence[Outcome]], path: Path) -> None:
    """How often an answer of a given confidence is right: on the diagonal, confidence is a probability."""
    _draw(outcomes, path, _reliability_panel, "confidence", "share of answers that are right")


def _reliability_panel(axes: Axes, outcomes: Mapping[str, Sequence[Outcome]]) -> None:
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle=":")
    for name, mine in outcomes.items():
        bins = reliability(mine)
        shares = [each.right for each in bins]
        bounds = [wilson_interval(each.right * each.n_answers, each.n_answers) for each in bins]
        errors = [
            [max(0.0, s - low) for s, (low, _) in zip(shares, bounds, strict=True)],
            [max(0.0, high - s) for s, (_, high) in zip(shares, bounds, strict=True)],
        ]
        axes.errorbar([each.confidence for each in bins], shares, errors, marker="o", capsize=2, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))


def _draw(
    outcomes: Mapping[str, Sequence[Outcome]],
    path: Path,
    panel: Callable[[Axes, Mapping[str, Sequence[Outcome]]], None],
    x: str,
    y: str,
) -> None:
    """A panel for each length, side by side, with the same axes."""
    searched = {name: among_all(mine) for name, mine in outcomes.items()}
    lengths = sorted({outcome.query.seconds for mine in searched.values() for outcome in mine}) or [0.0]
    figure = Figure(figsize=(1.5 + 2.5 * len(lengths), 3.6), layout="constrained")
    for axes, seconds in zip(figure.subplots(1, len(lengths), sharey=True, squeeze=False)[0], lengths, strict=True):
        panel(axes, {name: [o for o in mine if o.query.seconds == seconds] for name, mine in searched.items()})
        axes.set_title(f"{seconds:g} s")
        axes.grid(alpha=0.3)
    figure.supxlabel(x)
    figure.supylabel(y)
    figure.axes[-1].legend()
    figure.savefig(path, dpi=120)
