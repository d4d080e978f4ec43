"""Probabilities follow the evidence, and few absent songs pass."""

import numpy as np
import pytest

from songradar.ml.errors import TrainingDataError
from songradar.ml.evaluation import Example

pytestmark = pytest.mark.train

LENGTHS = {1.0: 1, 3.0: 7, 10.0: 29}
"""Fragments in recordings of so many seconds."""


@pytest.fixture
def calibration():
    from songradar.ml.training import calibration

    return calibration


def examples(rng, n, lead, peak, *, is_present=True, is_right=None):
    """`n` searches of each length with evidence around `lead` and `peak`, clearer in longer ones."""
    is_right = is_present if is_right is None else is_right
    return [
        Example(seconds, is_present, is_right, rng.normal(lead, 0.2 / np.sqrt(n_fragments)), max(0.0, rng.normal(peak)),
                n_fragments)
        for seconds, n_fragments in LENGTHS.items()
        for _ in range(n)
    ]  # fmt: skip


@pytest.fixture
def found(rng):
    return [*examples(rng, 300, 0.4, 2), *examples(rng, 400, 0.03, 0.3, is_present=False)]


def log_odds(calibration, example):
    """By the plain formula, at one of the lengths."""
    at = calibration["fragments"].index(example.n_fragments)
    intercept, lead, peak = (calibration[name][at] for name in ("intercept", "lead", "peak"))
    return intercept + lead * example.lead + peak * example.peak


def test_there_are_weights_for_each_length(calibration, found):
    fitted = calibration.calibrate(found)

    assert fitted["fragments"] == [1, 7, 29]
    assert {name: len(values) for name, values in fitted.items()} == dict.fromkeys(fitted, 3)
    assert list(fitted) == ["fragments", "intercept", "lead", "peak", "threshold"]


def test_probability_tells_right_from_wrong(calibration, found):
    fitted = calibration.calibrate(found)
    by_right = {right: [log_odds(fitted, e) for e in found if e.is_right == right] for right in (True, False)}

    assert np.mean(np.array(by_right[True]) > 0) > 0.9
    assert np.mean(np.array(by_right[False]) < 0) > 0.9


@pytest.mark.parametrize("seconds", LENGTHS)
def test_at_most_one_absent_song_in_two_hundred_is_named_at_each_length(calibration, rng, seconds):
    fitted = calibration.calibrate([*examples(rng, 300, 0.4, 2), *examples(rng, 2000, 0.03, 0.3, is_present=False)])
    others = [e for e in examples(rng, 4000, 0.03, 0.3, is_present=False) if e.seconds == seconds]
    threshold = fitted["threshold"][list(LENGTHS).index(seconds)]
    named = [1 / (1 + np.exp(-log_odds(fitted, e))) >= threshold for e in others]

    assert np.mean(named) < 0.01


def test_no_evidence_counts_the_wrong_way_even_where_the_examples_do(calibration, rng):
    """Of these, what is named wrongly has the greater lead: from such examples a worse match would look surer."""
    fitted = calibration.calibrate([*examples(rng, 100, 0.1, 2), *examples(rng, 100, 0.6, 0.2, is_present=False)])

    assert min(fitted["lead"]) >= 0
    assert min(fitted["peak"]) > 0


def test_songs_that_are_there_and_strangers_weigh_the_same(calibration, rng):
    """Nine strangers for each song that is there do not make the confidence of it low."""
    same = [*examples(rng, 100, 0.2, 1), *examples(rng, 900, 0.2, 1, is_present=False)]
    fitted = calibration.calibrate(same)

    assert np.mean([log_odds(fitted, e) for e in same]) == pytest.approx(0, abs=0.3)


def test_fit_is_that_of_a_well_kept_library_where_signs_do_not_bind(calibration, rng):
    from sklearn.linear_model import LogisticRegression

    evidence = rng.normal(size=(500, 2)) * [1, 3] + [4, -2]
    right = rng.random(500) < 1 / (1 + np.exp(5 - evidence @ [1, -0.5]))
    weight = rng.uniform(0.5, 2, 500)
    scaled = (evidence - evidence.mean(axis=0)) / evidence.std(axis=0)
    expected = LogisticRegression(C=1 / calibration.REGULARISATION, tol=1e-8).fit(scaled, right, weight)

    weights, intercept = calibration.logistic_regression(evidence, right, np.array([1, 0]), weight)

    np.testing.assert_allclose(weights * evidence.std(axis=0), expected.coef_[0], rtol=1e-3)
    np.testing.assert_allclose(intercept + weights @ evidence.mean(axis=0), expected.intercept_[0], rtol=1e-3)


@pytest.mark.parametrize("n", [20, 2000])
def test_threshold_is_where_one_in_two_hundred_lies_whatever_the_number_of_examples(calibration, rng, n):
    z = -4 + rng.exponential(1.0, n)  # one in two hundred exceeds -4 + ln 200 = 1.3
    expected = 1 / (1 + np.exp(4 - np.log(200)))

    assert calibration.threshold(z) == pytest.approx(expected, abs=0.25 if n == 20 else 0.08)


def test_threshold_is_never_below_one_half(calibration):
    assert calibration.threshold(np.full(100, -9.0)) == calibration.LEAST
    assert calibration.threshold(np.zeros(0)) == calibration.LEAST


@pytest.mark.parametrize("is_right", [True, False])
def test_one_kind_of_outcome_is_no_calibration(calibration, rng, is_right):
    with pytest.raises(TrainingDataError, match="right and searches that went wrong"):
        calibration.calibrate(examples(rng, 5, 0.3, 1, is_right=is_right))


def test_database_applies_the_weights_as_they_were_fitted(calibration, found, database):
    import json

    from tests.reach import connect

    fitted = calibration.calibrate(found)
    with connect() as connection:
        for example in found[::300]:
            (confidence,) = connection.execute(
                "SELECT songradar.confidence_v1(ROW(%s, %s, %s)::songradar.evidence_v1, %s)",
                [example.lead, example.peak, example.n_fragments, json.dumps(fitted)],
            ).fetchone()
            assert confidence == pytest.approx(1 / (1 + np.exp(-log_odds(fitted, example))))
