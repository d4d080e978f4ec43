"""From evidence to probability: the logistic weights that `match_v1` applies."""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from ml.errors import TrainingDataError
from ml.evaluation import Found, Outcome

FEATURES = ("score", "margin", "coverage", "log_fragments")
FALSE_ACCEPT_RATE = 0.005
"""Of recordings whose song is absent, the share that may be named all the same."""


def features(match: Found) -> list[float]:
    """The evidence for a match, in the order of FEATURES."""
    return [match.score, match.margin, match.coverage, math.log(match.n_fragments)]


def calibrate(outcomes: Sequence[Outcome], absent: Sequence[Outcome]) -> dict[str, float]:
    """Fit the probability that the first match is right, and the threshold above which it is named.

    `outcomes` are of recordings whose song is in the catalogue, `absent` of others. The threshold is at least 0.5, and
    so high that at most FALSE_ACCEPT_RATE of `absent` would pass. Raises TrainingDataError when one kind is missing.
    """
    judged = [(features(o.best), o.right) for o in (*outcomes, *absent) if o.best is not None]
    evidence, right = np.array([row for row, _ in judged]), np.array([label for _, label in judged])
    if len(set(right.tolist())) < 2:
        raise TrainingDataError("calibration needs searches that went right and searches that went wrong")
    scale = evidence.std(axis=0) + 1e-9  # so that one strength of regularisation suits all features
    model = LogisticRegression(C=10.0, max_iter=1000).fit(evidence / scale, right)
    weights = model.coef_[0] / scale
    intercept = float(model.intercept_[0])
    false = [probability(features(o.best), weights, intercept) for o in absent if o.best is not None]
    threshold = max(0.5, float(np.quantile(false, 1 - FALSE_ACCEPT_RATE)) if false else 0.5)
    return {"intercept": intercept, **dict(zip(FEATURES, weights.tolist(), strict=True)), "threshold": threshold}


def probability(evidence: Sequence[float], weights: Sequence[float], intercept: float) -> float:
    """The same formula as in match_v1."""
    z = intercept + sum(weight * value for weight, value in zip(weights, evidence, strict=True))
    return 1 / (1 + math.exp(-min(max(z, -50.0), 50.0)))
