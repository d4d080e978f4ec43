"""Evaluation's pictures are drawn, whatever is missing."""

import numpy as np
import pytest

from songradar.ml.outcomes import Outcome, SearchResult
from songradar.ml.queries import Query
from tests.ml.answers import Match

pytestmark = pytest.mark.train


def outcome(found, confidence, source="a"):
    matches = [Match(found, confidence=confidence)] if found else []
    return Outcome(
        Query("clean", 5.0, source, 0.0, np.zeros(0, np.float32), np.zeros(0, np.float32)),
        SearchResult(matches, 1.0, 1.0),
    )


PRESENT = [outcome("a", 0.9), outcome("a", 1.0), outcome("b", 0.3), outcome("a", 0.4), outcome(None, 0)]
ABSENT = [outcome("b", 0.2, source=""), outcome("c", 0.6, source=""), outcome(None, 0, source="")]
UNSEARCHED = [Outcome(PRESENT[0].query, None)]


@pytest.fixture(params=["draw_roc", "draw_reliability"])
def draw(request):
    from songradar.ml import plots

    return getattr(plots, request.param)


@pytest.mark.parametrize(
    "outcomes",
    [
        {"one": [*PRESENT, *ABSENT, *UNSEARCHED], "two": PRESENT[::2] + ABSENT},
        {"one": PRESENT},
        {"one": ABSENT},
        {"one": PRESENT[2:3] + ABSENT},
        {"one": UNSEARCHED},
        {"one": []},
    ],
    ids=["two encoders", "no absent songs", "no present songs", "none right", "none searched", "nothing"],
)
def test_picture_is_written(outcomes, draw, tmp_path):
    draw(outcomes, tmp_path / "plot.png")

    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_lower_thresholds_name_more_rightly_and_more_falsely():
    from songradar.ml.plots import roc

    false_rate, hit_rate = roc([*PRESENT, *ABSENT, *UNSEARCHED])

    # at 1.0, 0.9, 0.6, 0.4, 0.2 and 0; five recordings of songs that are there, three of others
    np.testing.assert_allclose(hit_rate, np.array([1, 2, 2, 3, 3, 3]) / 5)
    np.testing.assert_allclose(false_rate, np.array([0, 0, 1, 1, 2, 3]) / 3)


@pytest.mark.parametrize("found", ["a", "b"], ids=["12 of 12 right", "0 of 11 right"])
def test_confidence_that_never_errs_is_drawn(found, tmp_path):
    from songradar.ml.plots import draw_reliability

    draw_reliability({"one": [outcome(found, 0.95)] * (12 if found == "a" else 11)}, tmp_path / "plot.png")
