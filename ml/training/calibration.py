"""From evidence to probability: the logistic weights that `match_v1` applies."""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ml.errors import TrainingDataError
from ml.evaluation import Found, Outcome

FEATURES = ("log_distance", "log_ratio", "coverage", "log_fragments")
NEAREST = 1e-5
"""No distance counts as less: the same sound gives about this, the most alike of others 1e-3."""

ROUNDING = 1e-6
"""How much a confidence computed here may differ from match_v1's, which returns its evidence in single precision."""

FALSE_ACCEPT_RATE = 0.005
"""Of recordings whose song is absent, the share that may be named all the same."""


def features(match: Found) -> list[float]:
    """The evidence for a match that has a rival, in the order of FEATURES."""
    assert match.margin is not None
    log_distance = math.log(max(1 - match.score, NEAREST))
    log_ratio = math.log(max(1 - match.score + match.margin, NEAREST)) - log_distance
    return [log_distance, log_ratio, match.coverage, math.log(match.n_fragments)]


def has_rival(outcome: Outcome) -> bool:
    """Whether there was a match, and another song to compare it with."""
    return outcome.best is not None and outcome.best.margin is not None


def calibrate(outcomes: Sequence[Outcome], absent: Sequence[Outcome]) -> dict[str, float]:
    """Fit the probability that the first match is right, and the threshold above which it is named.

    `outcomes` are of recordings whose song is in the catalogue, `absent` of others. The threshold is at least 0.5, and
    so high that at most FALSE_ACCEPT_RATE of `absent` would pass. Raises TrainingDataError when one kind is missing.
    """
    rivalled = [o for o in absent if has_rival(o)]
    judged = [(features(o.best), o.right) for o in (*filter(has_rival, outcomes), *rivalled) if o.best]
    evidence, right = np.array([row for row, _ in judged]), np.array([label for _, label in judged])
    if len(set(right.tolist())) < 2:
        raise TrainingDataError("calibration needs searches that went right and searches that went wrong")
    scaler = StandardScaler()  # so that one strength of regularisation suits all features
    model = LogisticRegression(C=10.0, max_iter=1000).fit(scaler.fit_transform(evidence), right)
    weights = model.coef_[0] / scaler.scale_
    intercept = float(model.intercept_[0] - weights @ scaler.mean_)
    false = [probability(features(o.best), weights, intercept) for o in rivalled if o.best]
    fitted = {"intercept": intercept, **dict(zip(FEATURES, weights.tolist(), strict=True))}
    return {
        **fitted,
        "log_ratio_alone": float(evidence[:, 1].mean()),
        "threshold": threshold(false, math.floor(FALSE_ACCEPT_RATE * sum(o.answer is not None for o in absent))),
    }


def threshold(false: Sequence[float], n_allowed: int) -> float:
    """The least confidence, of 0.5 and more, that no more than `n_allowed` of the `false` answers reach."""
    if len(false) <= n_allowed:
        return 0.5
    return max(0.5, sorted(false, reverse=True)[n_allowed] + ROUNDING)


def probability(evidence: Sequence[float], weights: Sequence[float], intercept: float) -> float:
    """The same formula as in match_v1."""
    z = intercept + sum(weight * value for weight, value in zip(weights, evidence, strict=True))
    return 1 / (1 + math.exp(-min(max(z, -50.0), 50.0)))
