"""From evidence to probability: the logistic weights that `match_v1` applies."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from songradar.ml.errors import TrainingDataError
from songradar.ml.evaluation import Found, Outcome

FEATURES = ("log_distance", "log_ratio", "coverage", "log_fragments")
FEATURES_ALONE = ("log_distance", "coverage", "log_fragments")
"""Without a rival there is no ratio."""

SIGNS = {"log_distance": -1, "log_ratio": 1, "coverage": 1, "log_fragments": 1}
"""The sign that each weight must have. A fit without this once gave worse matches a higher confidence."""

NEAREST = 1e-5
"""Lower bound of distances. The same sound gives about this distance; the most similar other sounds give 1e-3."""

ROUNDING = 1e-6
"""How much a confidence computed here may differ from match_v1's, which returns its evidence in single precision."""

FALSE_ACCEPT_RATE = 0.005
"""The largest share of recordings of absent songs that may be named nevertheless."""

REGULARISATION = 0.1
"""Strength of the penalty on squared weights of features scaled to a variance of 1; the loss is a sum."""


def features(match: Found) -> list[float]:
    """The evidence for a match that has a rival, in the order of FEATURES."""
    assert match.margin is not None
    log_distance, coverage, log_fragments = features_alone(match)
    log_ratio = math.log(max(1 - match.score + match.margin, NEAREST)) - log_distance
    return [log_distance, log_ratio, coverage, log_fragments]


def features_alone(match: Found) -> list[float]:
    """The evidence for a match that has no rival, in the order of FEATURES_ALONE."""
    return [math.log(max(1 - match.score, NEAREST)), match.coverage, math.log(match.n_fragments)]


def calibrate(outcomes: Sequence[Outcome], alone: Sequence[Outcome]) -> dict[str, Any]:
    """Fit the probability that the first match is right, and the threshold above which it is named.

    `outcomes` come from searches among many songs, `alone` from searches in catalogues of one song. A query without a
    source is of a song that is not in the catalogue. The weights under "alone" are for matches without a rival. Each
    threshold is at least 0.5, and so high that at most FALSE_ACCEPT_RATE of the absent queries would pass. Raises
    TrainingDataError when all answers are right or all are wrong.
    """
    rivalled = [outcome for outcome in outcomes if outcome.best and outcome.best.margin is not None]
    unrivalled = [outcome for outcome in alone if outcome.best and outcome.best.margin is None]
    return {**_fit(rivalled, FEATURES, features), "alone": _fit(unrivalled, FEATURES_ALONE, features_alone)}


def _fit(
    outcomes: Sequence[Outcome], names: Sequence[str], evidence_of: Callable[[Found], list[float]]
) -> dict[str, float]:
    evidence = np.array([evidence_of(outcome.best) for outcome in outcomes if outcome.best])
    right = np.array([outcome.right for outcome in outcomes])
    if len(set(right.tolist())) < 2:
        raise TrainingDataError("calibration needs searches that went right and searches that went wrong")
    weights, intercept = logistic_regression(evidence, right, np.array([SIGNS[name] for name in names]))
    absent = [row for row, outcome in zip(evidence, outcomes, strict=True) if not outcome.query.source]
    false = [probability(row.tolist(), weights.tolist(), intercept) for row in absent]
    fitted = dict(zip(names, weights.tolist(), strict=True))
    return {"intercept": intercept, **fitted, "threshold": threshold(false, math.floor(FALSE_ACCEPT_RATE * len(false)))}


def logistic_regression(
    evidence: NDArray[np.float64], right: NDArray[np.bool_], signs: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """Fit weights (K,) of features (N, K), each 0 or of the sign given in `signs` (K,), and the intercept.

    Maximum likelihood with a ridge penalty, by L-BFGS-B, which supports bounds.
    """
    middle, spread = evidence.mean(axis=0), np.maximum(evidence.std(axis=0), 1e-9)
    scaled, side = (evidence - middle) / spread, np.where(right, 1.0, -1.0)

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = side * (scaled @ values[:-1] + values[-1])
        slope = -side / (1 + np.exp(np.clip(z, -500, 500)))
        penalty = REGULARISATION / 2 * np.sum(values[:-1] ** 2)
        gradient = np.append(scaled.T @ slope + REGULARISATION * values[:-1], slope.sum())
        return float(np.logaddexp(0, -z).sum() + penalty), gradient

    bounds = [(0, None) if sign > 0 else (None, 0) for sign in signs]
    found = minimize(loss, np.zeros(len(signs) + 1), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)])
    weights = found.x[:-1] / spread
    return weights, float(found.x[-1] - weights @ middle)


def threshold(false: Sequence[float], n_allowed: int) -> float:
    """The lowest threshold, but at least 0.5, that at most `n_allowed` of the `false` confidences reach."""
    if len(false) <= n_allowed:
        return 0.5
    return max(0.5, sorted(false, reverse=True)[n_allowed] + ROUNDING)


def probability(evidence: Sequence[float], weights: Sequence[float], intercept: float) -> float:
    """The same formula as in match_v1."""
    z = intercept + sum(weight * value for weight, value in zip(weights, evidence, strict=True))
    return 1 / (1 + math.exp(-min(max(z, -50.0), 50.0)))
