"""What the wheel holds, and what its modules promise."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(
    not (ROOT / "cli").is_dir(), reason="the tests run beside an installed wheel: there is nothing to build"
)
def test_wheel_has_all_that_is_needed_and_no_tests(tmp_path):
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    for needed in (
        "db/sql/match_v1.sql",
        "migrations/env.py",
        "migrations/script.py.mako",
        "migrations/versions/20261122_first.py",
        "ml/weights/contrastive/encoder.onnx",
        "ml/weights/contrastive/CARD.md",
        "ml/weights/siamese/encoder.onnx",
        "ml/weights/siamese/CARD.md",
        "cli/songs_of_the_demo/CREDITS.md",
        "cli/songs_of_the_demo/kevin_macleod_vibe_ace.m4a",
    ):
        assert needed in names
    assert not [name for name in names if name.startswith(("tests", ".ci", "docs"))]


def light_modules() -> list[str]:
    """Every module of ours that runs without songradar[train]."""
    return [
        module.name
        for package in ("db", "ml", "cli", "migrations")
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        if not module.name.startswith("ml.training.")
        and module.name not in ("cli.__main__", "migrations.env")
        and not module.name.startswith("migrations.versions.2")
    ]


@pytest.mark.parametrize("name", light_modules())
def test_examples_in_docstrings_are_true_and_modules_say_what_they_are(name):
    module = importlib.import_module(name)

    assert module.__doc__
    assert doctest.testmod(module).failed == 0
