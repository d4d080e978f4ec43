"""A card tells what an encoder is made of, what was measured, and whether its confidence means anything."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from songradar.ml.spec import CONTRASTIVE
from songradar.ml.training.contrastive.config import ContrastiveConfig, Recipe
from songradar.ml.training.contrastive.recordings import Recordings
from songradar.ml.training.siamese.config import SiameseConfig

pytestmark = pytest.mark.train

LICENCES = "All songs are in the public domain.\n"
SIAMESE_METRICS = {
    "parameters": 92_609,
    "epoch": 12.0,
    "accuracy": 0.951,
    "fragments_accuracy": 0.902,
    "songs_accuracy": 0.853,
}
CONTRASTIVE_METRICS = {
    "parameters": 1_913_472,
    "epoch": 19.0,
    "loss": 0.1,
    "seconds": 9.5,
    "clean, 1 s": 0.981,
    "clean, 3 s": 0.999,
}


@dataclass(frozen=True)
class Calibration:
    weights: dict[str, list[float]]
    n_present: int = 480
    n_right: int = 433
    n_absent: int = 520


CALIBRATED = Calibration({"fragments": [1, 29], "threshold": [0.95, 0.8125]})
UNCALIBRATED = Calibration({})


@pytest.fixture(params=["siamese", "contrastive"])
def write(request):
    """`write(calibration)`: the card of either encoder."""
    from songradar.ml.training import card
    from songradar.ml.training.siamese.dataset import Dataset, TrainingSong

    songs = (TrainingSong("a.mp3", "0", 0, 12), TrainingSong("b.mp3", "1", 12, 8))
    dataset = Dataset(np.zeros((20, 2, 2), np.uint8), songs, ())
    recordings = Recordings(("a", "b", "c"), ("0", "1", "2"), np.arange(4), np.zeros(8000 * 5400, np.int16), ())
    siamese = lambda c: card.siamese_card("mine", dataset, SiameseConfig(seed=7), SIAMESE_METRICS, c, LICENCES)
    contrastive = lambda c: card.contrastive_card(
        "mine",
        replace(CONTRASTIVE, dim=48),
        recordings,
        ContrastiveConfig(seed=7, n_averaged=4, recipe=Recipe(codec=False)),
        CONTRASTIVE_METRICS,
        c,
        LICENCES,
    )
    return {"siamese": siamese, "contrastive": contrastive}[request.param]


def test_card_has_title_licences_and_settings(write):
    card = write(CALIBRATED)

    assert card.startswith("# mine\n")
    assert card.endswith(f"## Data\n\n{LICENCES}")
    assert "seed 7" in card
    assert "learning_rate 0.001" in card
    assert "`songradar train " in card


def test_threshold_is_on_the_card(write):
    card = write(CALIBRATED)

    assert "| threshold of confidence (at so many fragments) | 0.95 (1), 0.81 (29) |" in card
    assert "| 480, 433 named rightly; 520 of absent songs or without music |" in card


def test_card_says_when_nothing_was_calibrated(write):
    card = write(UNCALIBRATED)

    assert "| threshold of confidence | not calibrated |" in card
    assert "named rightly;" not in card


def test_tables_are_whole(write):
    for line in write(CALIBRATED).splitlines():
        assert line.startswith("|") == line.endswith("|")
        assert line.count("|") in (0, 3)


@pytest.mark.parametrize("write", ["siamese"], indirect=True)
def test_siamese_card_has_its_measures(write):
    card = write(UNCALIBRATED)

    assert "92,609 parameters" in card
    assert "| songs, fragments | 2, 20 |" in card
    assert "| best epoch | 12 |" in card
    assert [share in card for share in ("95.1%", "90.2%", "85.3%")] == [True, True, True]


@pytest.mark.parametrize("write", ["contrastive"], indirect=True)
def test_contrastive_card_has_its_measures(write):
    card = write(UNCALIBRATED)

    assert "1,913,472 parameters" in card
    assert "of 48 dimensions" in card
    assert "| songs trained on | 3, 1.5 hours |" in card
    assert "| best epoch | 19 |" in card
    assert "| clean, 1 s | 98.1% |\n| clean, 3 s | 99.9% |\n" in card
    assert "'codec': False" in card
    assert "| seconds |" not in card


@pytest.mark.parametrize("write", ["contrastive"], indirect=True)
def test_card_says_that_the_average_of_the_last_epochs_was_best(write, monkeypatch):
    monkeypatch.setitem(CONTRASTIVE_METRICS, "epoch", 21.0)

    card = write(UNCALIBRATED)

    assert "| best epoch | the average of the last 4 |" in card
