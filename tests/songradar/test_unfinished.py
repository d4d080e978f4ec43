"""Files appear whole or not at all; what was left by who was killed goes with the next."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from songradar import unfinished as module
from songradar.unfinished import appearing, scratch

KILLED = """
import os, signal, sys
from pathlib import Path
from songradar.unfinished import appearing, scratch
with appearing(Path(sys.argv[1])) as unfinished, scratch() as folder:
    unfinished.write(b"half")
    unfinished.flush()
    (folder / "file").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_what_a_killed_process_has_left_goes_with_the_next(tmp_path, temporary):
    target = tmp_path / "file"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", KILLED, target], env=environment)
    left = [*tmp_path.glob("file.*.unfinished"), *temporary.iterdir()]
    with appearing(target) as unfinished, scratch() as folder:
        unfinished.write(b"whole")
        there = [*tmp_path.glob("file.*.unfinished"), *temporary.iterdir()]

    assert len(left) == 2
    assert there == [Path(unfinished.name), folder.parent]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["file"]
    assert target.read_text() == "whole"
    assert list(temporary.iterdir()) == []


def test_what_others_are_writing_stays(tmp_path, temporary):
    target = tmp_path / "file"
    with appearing(target) as first, scratch() as folder:
        first.write(b"first")
        (folder / "file").write_text("mine")
        with pytest.raises(FileNotFoundError), appearing(target), scratch() as other:
            (other / "nowhere").read_text()
        is_there = (folder / "file").exists()

    assert is_there
    assert target.read_text() == "first"
    assert list(temporary.iterdir()) == []


def test_first_of_two_that_write_the_same_wins(tmp_path):
    target = tmp_path / "file"

    def write_too() -> None:
        write(target, lambda: None)

    with pytest.raises(FileExistsError, match="file: is there already"):
        write(target, write_too)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_file_that_is_cleared_away_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    target, cleared = tmp_path / "file", []

    def lock_late(file) -> bool:
        if not cleared:
            cleared.append(Path(file.name))
            cleared[0].unlink()
        return True

    monkeypatch.setattr(module, "_lock", lock_late)
    write(target, lambda: None)

    assert target.read_text() == "mine"


def write(target: Path, meanwhile: Callable[[], object]) -> None:
    with appearing(target) as unfinished:
        unfinished.write(b"mine")
        meanwhile()


def test_nothing_appears_where_it_goes_wrong(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "file", (tmp_path / "nowhere").read_text)

    assert list(tmp_path.iterdir()) == []


def test_what_has_come_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / "file"
    with pytest.raises(FileExistsError, match="file: is there already"):
        write(target, partial(target.write_text, "theirs"))

    assert target.read_text() == "theirs"
