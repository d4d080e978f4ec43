"""What the wheel holds, and what its modules promise."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import songradar

ROOT = Path(__file__).parents[2]
SUBPACKAGES = ("db", "ml", "cli", "migrations", "reports", "web")


@pytest.mark.skipif(
    not (ROOT / "songradar").is_dir(), reason="the tests run beside an installed wheel: there is nothing to build"
)
def test_wheel_has_all_that_is_needed_and_no_tests(tmp_path):
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    for needed in (
        "songradar/db/sql/match_v1/match_v1.sql",
        "songradar/migrations/env.py",
        "songradar/migrations/script.py.mako",
        "songradar/migrations/versions/20261126_first.py",
        "songradar/migrations/proxy/env.py",
        "songradar/db/sql/proxy_v1/match_v1.sql",
        "songradar/ml/weights/contrastive/encoder.onnx",
        "songradar/ml/weights/contrastive/CARD.md",
        "songradar/ml/weights/siamese/encoder.onnx",
        "songradar/ml/weights/siamese/CARD.md",
        "songradar/web/page/index.html",
        "songradar/cli/songs_of_the_demo/CREDITS.md",
        "songradar/cli/songs_of_the_demo/kevin_macleod_vibe_ace.m4a",
    ):
        assert needed in names
    page = ROOT / "songradar" / "web" / "page"
    assert {f"songradar/web/page/{file.relative_to(page)}" for file in page.rglob("*") if file.is_file()} <= set(names)
    assert "songradar/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"songradar"}
    assert not [name for name in names if name.endswith(".pyc")]


def light_modules() -> list[str]:
    """Every module of ours that runs without songradar[train]."""
    paths = [songradar.__path__[:1], *(importlib.import_module(f"songradar.{name}").__path__ for name in SUBPACKAGES)]
    prefixes = ["songradar.", *(f"songradar.{name}." for name in SUBPACKAGES)]
    return [
        module.name
        for path, prefix in zip(paths, prefixes, strict=True)
        for module in (pkgutil.iter_modules if prefix == "songradar." else pkgutil.walk_packages)(path, prefix)
        if not module.name.startswith(("songradar.ml.training.", "songradar.train"))
        and module.name not in ("songradar.__main__", "songradar.migrations.env", "songradar.migrations.proxy.env")
        and not module.name.startswith(("songradar.migrations.versions.2", "songradar.migrations.proxy.versions.2"))
    ]


def training_modules() -> list[str]:
    """Those that need songradar[train]."""
    path = importlib.import_module("songradar.ml.training").__path__
    return ["songradar.train", *(module.name for module in pkgutil.walk_packages(path, "songradar.ml.training."))]


@pytest.mark.train
@pytest.mark.parametrize("name", training_modules())
def test_training_modules_can_be_imported_and_their_examples_are_true(name):
    if ".singing." in name:
        pytest.importorskip("pyworld", reason="needs songradar[singing]")
    module = importlib.import_module(name)

    assert module.__doc__
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", light_modules())
def test_examples_in_docstrings_are_true_and_modules_say_what_they_are(name):
    module = importlib.import_module(name)

    assert module.__doc__
    assert doctest.testmod(module).failed == 0
