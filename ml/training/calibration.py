"""From evidence to probability: the logistic weights that `match_v1` applies, and from which confidence on it names."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from songradar.ml.errors import TrainingDataError
from songradar.ml.evaluation import Example, balanced

FALSE_ACCEPT_RATE = 0.004
"""Share of the recordings of absent songs, of any length, that are named nevertheless among those it is fitted on;
0.005 are allowed, and others are a little harder.
"""

LEAST = 0.8
"""Confidence below which no song is named: who is told a name expects more than even odds."""

TAIL = 0.05
"""Share of the recordings of absent songs, those with the most evidence, from which a threshold is extrapolated."""

REGULARISATION = 0.1
"""Strength of the penalty on squared weights of features scaled to a variance of 1; the loss is a sum."""

Floats = NDArray[np.float64]


def calibrate(examples: Sequence[Example]) -> dict[str, Any]:
    """Fit the probability that the first match is right, and the threshold from which on it is named.

    Gives arrays, one element for each length of recordings, in the order of `fragments`, the number of fragments in
    such a recording; weights_v1 interpolates. The weights change linearly with the logarithm of that number, and no
    evidence counts the wrong way. Songs that are there and strangers have the same weight in all. Raises
    TrainingDataError when all answers are right or all are wrong.
    """
    if len({example.is_right for example in examples}) < 2:
        raise TrainingDataError("calibration needs searches that went right and searches that went wrong")
    knots = fragments_of_lengths(examples)
    evidence = np.array([(e.lead, e.peak) for e in examples])
    right = np.array([e.is_right for e in examples])
    present = np.array([e.is_present for e in examples])
    place = np.log([e.n_fragments for e in examples]) / max(np.log(knots[-1]), 1e-9)
    weights = fitted(evidence, place, right, balanced(present))
    at_knots = np.array([weights.at(x) for x in np.log(knots) / max(np.log(knots[-1]), 1e-9)])
    z = np.array([at[0] + row @ at[1:] for row, at in zip(evidence, map(weights.at, place), strict=True)])
    nearest = np.argmin(np.abs(np.log(knots) - np.log([[e.n_fragments] for e in examples])), axis=1)
    thresholds = [threshold(z[~present & (nearest == number)]) for number in range(len(knots))]
    return {
        "fragments": knots,
        **{name: at_knots[:, i].tolist() for i, name in enumerate(("intercept", "lead", "peak"))},
        "threshold": thresholds,
    }


def fragments_of_lengths(examples: Sequence[Example]) -> list[int]:
    """The usual number of fragments of each length, ascending."""
    lengths = {example.seconds for example in examples}
    usual = {round(float(np.median([e.n_fragments for e in examples if e.seconds == length]))) for length in lengths}
    return sorted(usual)


class Weights:
    """Weights at both ends of the scale of lengths, linear in between."""

    def __init__(self, short: Floats, long: Floats) -> None:
        self._short, self._long = short, long

    def at(self, place: float) -> Floats:
        """(intercept, lead, peak) at a place from 0, one fragment, to 1, the longest recordings."""
        share = min(max(place, 0.0), 1.0)
        return (1 - share) * self._short + share * self._long


def fitted(evidence: Floats, place: Floats, right: NDArray[np.bool_], weight: Floats) -> Weights:
    """Weights of evidence (N, K) at places (N,) from 0 to 1, of examples that count `weight` (N,) each."""
    share = np.clip(place, 0, 1)[:, None]
    features = np.concatenate([evidence * (1 - share), evidence * share, share], axis=1)
    k = evidence.shape[1]
    slopes, intercept = logistic_regression(features, right, np.array([1] * (2 * k) + [0]), weight)
    return Weights(np.append(intercept, slopes[:k]), np.append(intercept + slopes[-1], slopes[k : 2 * k]))


def logistic_regression(
    features: Floats, right: NDArray[np.bool_], signs: NDArray[np.int64], weight: Floats
) -> tuple[Floats, float]:
    """Fit weights (K,) of features (N, K), each 0 or of its sign in `signs` (K,), where 0 is any, and the intercept.

    Maximum likelihood of examples that count `weight` (N,) each, with a ridge penalty, by L-BFGS-B, which supports
    bounds.
    """
    middle, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    scaled, side = (features - middle) / spread, np.where(right, 1.0, -1.0)

    def loss(values: Floats) -> tuple[float, Floats]:
        z = side * (scaled @ values[:-1] + values[-1])
        slope = -side * weight / (1 + np.exp(np.clip(z, -500, 500)))
        penalty = REGULARISATION / 2 * np.sum(values[:-1] ** 2)
        gradient = np.append(scaled.T @ slope + REGULARISATION * values[:-1], slope.sum())
        return float((weight * np.logaddexp(0, -z)).sum() + penalty), gradient

    bounds = [(0 if sign > 0 else None, 0 if sign < 0 else None) for sign in signs]
    found = minimize(loss, np.zeros(len(signs) + 1), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)])
    weights = found.x[:-1] / spread
    return weights, float(found.x[-1] - weights @ middle)


def threshold(z: Floats) -> float:
    """The confidence, but at least LEAST, that FALSE_ACCEPT_RATE of absent songs, whose log odds are `z` (N,), exceed.

    Among a few hundred examples that is the second or the third highest, which is a matter of luck. So the highest TAIL
    of them are taken for an exponential distribution above the next one (peaks over threshold, Pickands 1975).
    """
    if not len(z):
        return LEAST
    n = max(1, round(TAIL * len(z)))
    highest = np.sort(z)[::-1]
    base = highest[min(n, len(highest) - 1)]
    level = base + (highest[:n] - base).mean() * np.log(TAIL / FALSE_ACCEPT_RATE)
    return max(LEAST, float(1 / (1 + np.exp(-level))))
