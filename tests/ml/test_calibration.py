"""Probabilities follow the evidence, and few absent songs pass."""

from dataclasses import dataclass

import numpy as np
import pytest

from ml.errors import TrainingDataError
from ml.evaluation import Answer, Outcome
from ml.queries import Query

pytestmark = pytest.mark.train


@dataclass(frozen=True)
class Match:
    """A match of a song with its evidence."""

    source: str
    score: float
    margin: float | None
    coverage: float
    n_fragments: int
    offset_s: float = 0
    confidence: float = 0
    accepted: bool = False


def outcomes(rng, n, source, level):
    """`n` queries for `a` whose first match is `source`, with evidence around `level`."""
    evidence = np.clip(rng.normal(level, 0.08, (n, 3)), 0, 1)
    return [outcome(Match(source, *row, n_fragments=int(rng.integers(1, 20)))) for row in evidence.tolist()]


def outcome(*matches):
    return Outcome(
        Query("any", 10.0, "a", 0.0, np.zeros(0, np.float32), np.zeros(0, np.float32)), Answer(matches, 1.0, 1.0)
    )


@pytest.fixture
def calibration():
    from ml.training import calibration

    return calibration


def probabilities(calibration, weights, found):
    factors = [weights[name] for name in calibration.FEATURES]
    return np.array(
        [calibration.probability(calibration.features(o.best), factors, weights["intercept"]) for o in found]
    )


def test_probability_tells_right_from_wrong(calibration, rng):
    right, wrong, absent = (outcomes(rng, 300, *kind) for kind in (("a", 0.8), ("b", 0.3), ("c", 0.3)))

    weights = calibration.calibrate([*right, *wrong], absent)

    assert list(weights) == ["intercept", *calibration.FEATURES, "log_ratio_alone", "threshold"]
    assert probabilities(calibration, weights, right).min() > 0.5
    assert probabilities(calibration, weights, wrong).max() < 0.5


def test_more_evidence_is_more_probable(calibration, rng):
    weights = calibration.calibrate(outcomes(rng, 200, "a", 0.7), outcomes(rng, 200, "c", 0.4))

    ladder = [outcomes(rng, 1, "a", level)[0] for level in (0.1, 0.4, 0.55, 0.7, 1.0)]

    assert (np.diff(probabilities(calibration, weights, ladder)) > 0).all()


@pytest.mark.parametrize("n", [50, 201, 400, 401])
@pytest.mark.parametrize("level", [0.3, 0.6, 0.75])
def test_threshold_lets_few_absent_songs_pass(level, n, calibration, rng):
    right, absent = outcomes(rng, 400, "a", 0.8), outcomes(rng, n, "c", level)

    weights = calibration.calibrate(right, absent)

    passed = probabilities(calibration, weights, absent) >= weights["threshold"]
    assert weights["threshold"] >= 0.5
    assert passed.mean() <= calibration.FALSE_ACCEPT_RATE


@pytest.mark.parametrize(
    ("false", "n_allowed", "expected"),
    [([], 0, 0.5), ([0.9], 1, 0.5), ([0.2, 0.3], 0, 0.5), ([0.6, 0.9, 0.7], 0, 0.9), ([0.6, 0.9, 0.7], 2, 0.6)],
)
def test_threshold_is_just_above_the_answers_to_be_kept_out(false, n_allowed, expected, calibration):
    threshold = calibration.threshold(false, n_allowed)

    assert threshold == pytest.approx(expected, abs=1e-5)
    assert sum(confidence >= threshold for confidence in false) <= n_allowed


def test_queries_that_found_nothing_do_not_count(calibration, rng):
    right, absent = outcomes(rng, 50, "a", 0.8), outcomes(rng, 50, "c", 0.3)
    nothing = [outcome(), Outcome(right[0].query, None)] * 10

    assert calibration.calibrate([*right, *nothing], [*absent, *nothing]) == calibration.calibrate(right, absent)


def test_matches_without_a_rival_do_not_count(calibration, rng):
    right, absent = outcomes(rng, 50, "a", 0.8), outcomes(rng, 50, "c", 0.3)
    alone = [outcome(Match("a", 0.1, None, 0.1, 1)), outcome(Match("c", 0.9, None, 0.9, 1))] * 10

    assert calibration.calibrate([*right, *alone], [*absent, *alone]) == calibration.calibrate(right, absent)


@pytest.mark.parametrize("kind", ["right", "wrong", "none"])
def test_one_kind_of_outcome_is_refused(kind, calibration, rng):
    found = {"right": outcomes(rng, 9, "a", 0.8), "wrong": outcomes(rng, 9, "b", 0.3), "none": []}[kind]

    with pytest.raises(TrainingDataError, match="searches that went right and searches that went wrong"):
        calibration.calibrate(found, [])


def test_probability_of_extreme_evidence_is_finite(calibration):
    assert calibration.probability([1e9], [1.0], 0.0) == pytest.approx(1)
    assert calibration.probability([-1e9], [1.0], 0.0) == pytest.approx(0)
