"""A few harmful files in a folder: the program that gives thousands of them to the command line counts each."""

from click.testing import CliRunner

from tests.benchmarks.hostile_folder import STRANGE, main
from tests.hostile import KINDS


def test_every_file_is_answered_and_nothing_ends_a_command():
    result = CliRunner().invoke(main, ["--number", str(len(KINDS)), "--batch", str(len(KINDS))], catch_exceptions=False)
    lines = result.stdout.splitlines()

    assert {line[: len(kind)] for line in lines for kind in (*KINDS, STRANGE) if line.startswith(kind)} >= {
        *KINDS,
        STRANGE,
    }
    assert "nothing said" not in lines[0]
    assert lines[-2:] == ["temporary files left: none", "a known song is named in the end: yes"]
