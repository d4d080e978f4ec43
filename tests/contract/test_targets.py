"""docs/targets.py prints what an evaluation reached beside what songradar aims at."""

import doctest
import importlib.util
import json
from pathlib import Path

import pytest

from songradar.ml.conditions import CONDITIONS

SCRIPT = Path(__file__).parents[2] / "docs" / "targets.py"


@pytest.fixture(scope="module")
def targets():
    spec = importlib.util.spec_from_file_location("targets", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_targets_are_of_conditions_that_are_evaluated(targets):
    named = [name for group in targets.ACCEPTED for name in group]

    assert set(named) <= {condition.name for condition in CONDITIONS}
    assert len(named) == len(set(named))


def test_what_is_missed_beyond_chance_is_marked(targets, tmp_path, monkeypatch, capsys):
    cells = [
        {"condition": "noise 10 dB", "seconds": 3.0, "n_queries": 100, "n_right_accepted": 97},
        {"condition": "noise 5 dB", "seconds": 3.0, "n_queries": 100, "n_right_accepted": 93},
        {"condition": "noise 0 dB", "seconds": 3.0, "n_queries": 100, "n_right_accepted": 60},
    ]
    length = {
        "seconds": 3.0,
        "false_accepts": {"absent song": [9, 200], "noise alone": [0, 200]},
        "calibration_error": 0.02,
        "offset_error_s": [0.05, 0.9],
    }
    (tmp_path / "evaluation.json").write_text(json.dumps({"encoders": {"mine": {"cells": cells, "lengths": [length]}}}))
    monkeypatch.setattr("sys.argv", ["targets.py", str(tmp_path / "evaluation.json")])
    targets.main()
    rows = dict(line.rsplit("  ", 1) for line in capsys.readouterr().out.splitlines())
    reached = {label.strip(): cell for label, cell in rows.items()}

    assert reached["noise 10 dB, noise 5 dB"] == "95 / 96"
    assert reached["noise 0 dB"] == "60 / 88 *"
    assert reached["phone chain"] == "-"
    assert reached["absent, falsely named, at most"] == "2.2 / 0.5 *"
    assert reached["expected calibration error, at most"] == "0.02 / 0.03"
    assert reached["error of offset, s: 95 %, at most"] == "0.9 / 0.25 *"


def test_examples_hold(targets):
    assert doctest.testmod(targets).failed == 0
