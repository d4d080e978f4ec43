"""Probabilities follow the evidence, and few absent songs pass."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from songradar.ml.errors import TrainingDataError
from songradar.ml.evaluation import Outcome, SearchResult
from songradar.ml.queries import Query

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


def outcomes(rng, n, source, level, asked="a"):
    """`n` queries for `asked` whose first match is `source`, with evidence around `level`."""
    evidence = np.clip(rng.normal(level, 0.08, (n, 3)), 0, 1)
    return [
        outcome(Match(source, *row, n_fragments=int(rng.integers(1, 20))), asked=asked) for row in evidence.tolist()
    ]


def outcome(*matches, asked="a"):
    nothing = np.zeros(0, np.float32)
    return Outcome(Query("any", 10.0, asked, 0.0, nothing, nothing), SearchResult(matches, 1.0, 1.0))


def absent(rng, n, level):
    """`n` queries for songs that the catalogue does not hold."""
    return outcomes(rng, n, "c", level, asked="")


def alone(outcomes):
    """The same evidence, without a rival."""
    return [outcome(replace(o.best, margin=None), asked=o.query.source) for o in outcomes]


@pytest.fixture
def calibration():
    from songradar.ml.training import calibration

    return calibration


def probabilities(calibration, weights, found):
    factors = [weights[name] for name in calibration.FEATURES]
    return np.array(
        [calibration.probability(calibration.features(o.best), factors, weights["intercept"]) for o in found]
    )


def test_probability_tells_right_from_wrong(calibration, rng):
    right, wrong, strangers = outcomes(rng, 300, "a", 0.8), outcomes(rng, 300, "b", 0.3), absent(rng, 300, 0.3)
    weights = calibration.calibrate([*right, *wrong, *strangers], alone([*right, *strangers]))

    assert list(weights) == ["intercept", *calibration.FEATURES, "threshold", "alone"]
    assert list(weights["alone"]) == ["intercept", *calibration.FEATURES_ALONE, "threshold"]
    assert probabilities(calibration, weights, right).min() > 0.5
    assert probabilities(calibration, weights, wrong).max() < 0.5


def test_more_evidence_is_more_probable(calibration, rng):
    found = [*outcomes(rng, 200, "a", 0.7), *absent(rng, 200, 0.4)]
    weights = calibration.calibrate(found, alone(found))

    ladder = [outcomes(rng, 1, "a", level)[0] for level in (0.1, 0.4, 0.55, 0.7, 1.0)]

    assert (np.diff(probabilities(calibration, weights, ladder)) > 0).all()


def test_no_evidence_counts_the_wrong_way_even_where_the_examples_do(calibration, rng):
    """Of these, what is named wrongly lies nearer: from such examples a worse match would look surer."""
    right = [outcome(Match("a", *row, n_fragments=5)) for row in rng.uniform(0.3, 0.5, (200, 3)).tolist()]
    wrong = [outcome(Match("c", *row, n_fragments=9), asked="") for row in rng.uniform(0.5, 0.9, (200, 3)).tolist()]
    weights = calibration.calibrate([*right, *wrong], alone([*right, *wrong]))

    for names, fitted in ((calibration.FEATURES, weights), (calibration.FEATURES_ALONE, weights["alone"])):
        assert all(fitted[name] * calibration.SIGNS[name] >= 0 for name in names)


def test_fit_is_that_of_a_well_kept_library_where_signs_do_not_bind(calibration, rng):
    from sklearn.linear_model import LogisticRegression

    evidence = rng.normal(size=(500, 2)) * [1, 3] + [4, -2]
    right = rng.random(500) < 1 / (1 + np.exp(5 - evidence @ [1, -0.5]))
    scaled = (evidence - evidence.mean(axis=0)) / evidence.std(axis=0)
    expected = LogisticRegression(C=1 / calibration.REGULARISATION, tol=1e-8).fit(scaled, right)

    weights, intercept = calibration.logistic_regression(evidence, right, np.array([1, -1]))

    np.testing.assert_allclose(weights * evidence.std(axis=0), expected.coef_[0], rtol=1e-3)
    np.testing.assert_allclose(intercept + weights @ evidence.mean(axis=0), expected.intercept_[0], rtol=1e-3)


@pytest.mark.parametrize("n", [50, 201, 400, 401])
@pytest.mark.parametrize("level", [0.3, 0.6, 0.75])
def test_threshold_lets_few_absent_songs_pass(level, n, calibration, rng):
    right, strangers = outcomes(rng, 400, "a", 0.8), absent(rng, n, level)
    weights = calibration.calibrate([*right, *strangers], alone([*right, *strangers]))

    passed = probabilities(calibration, weights, strangers) >= weights["threshold"]

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
    found = [*outcomes(rng, 50, "a", 0.8), *absent(rng, 50, 0.3)]
    nothing = [outcome(), Outcome(found[0].query, None)] * 10

    assert calibration.calibrate([*found, *nothing], alone(found)) == calibration.calibrate(found, alone(found))


def test_matches_without_a_rival_count_apart(calibration, rng):
    found = [*outcomes(rng, 50, "a", 0.8), *absent(rng, 50, 0.3)]
    strange = [outcome(Match("a", 0.1, None, 0.1, 1)), outcome(Match("c", 0.9, None, 0.9, 1), asked="")] * 10

    assert calibration.calibrate([*found, *strange], alone(found)) == calibration.calibrate(found, alone(found))


@pytest.mark.parametrize("kind", ["right", "wrong", "none"])
def test_one_kind_of_outcome_is_refused(kind, calibration, rng):
    found = {"right": outcomes(rng, 9, "a", 0.8), "wrong": outcomes(rng, 9, "b", 0.3), "none": []}[kind]

    with pytest.raises(TrainingDataError, match="searches that went right and searches that went wrong"):
        calibration.calibrate(found, [])


def test_probability_of_extreme_evidence_is_finite(calibration):
    assert calibration.probability([1e9], [1.0], 0.0) == pytest.approx(1)
    assert calibration.probability([-1e9], [1.0], 0.0) == pytest.approx(0)
