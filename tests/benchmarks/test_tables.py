"""Small sizes of the benchmarks behind decisions: they measure all that they should, and print it."""

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.benchmarks.index_variants import REACHES, VARIANTS
from tests.benchmarks.index_variants import main as index_variants
from tests.benchmarks.long_scan import main as long_scan
from tests.benchmarks.search_scale import DEMO
from tests.benchmarks.upkeep import reencoding, removal


def table(command, *arguments):
    """The cells of what it prints: they are two spaces or more apart."""
    result = CliRunner().invoke(command, ["--music", str(DEMO), *arguments], catch_exceptions=False)
    return cells(result.stdout)


def cells(printed):
    return [re.split(r" {2,}", line) for line in printed.splitlines()]


def test_every_index_finds_songs():
    rows = table(index_variants, "--fragments", "2000", "--queries", "1")
    tried, reached = rows[2 : -len(REACHES) - 4], rows[-len(REACHES) - 3 :]

    assert {cells[0] for cells in tried} == {variant.name for variant in VARIANTS}
    assert all(float(cells[2].rstrip("%")) >= 80 for cells in tried)
    assert all(float(cells[4].rstrip("%")) >= 80 for cells in reached)


def test_songs_are_found_after_others_are_removed():
    _, *rows = table(removal, "--fragments", "2000", "--queries", "2")

    assert [cells[0] for cells in rows] == [
        "before", "30 % of the songs removed", "after VACUUM", "after db reindex",
    ]  # fmt: skip
    assert all(float(cells[1].rstrip("%")) >= 90 for cells in rows)


def test_songs_of_a_long_recording_are_found():
    rows = table(long_scan, "--hours", "0.02", "--truth")
    found = {cells[1] for cells in rows[1:] if len(cells) == 4 and "%" in cells[3]}
    measured = {cells[0]: cells[1] for cells in rows if len(cells) == 2}

    assert found
    assert measured["false playings"] == "0"
    assert float(measured["time with songs: named rightly"].split()[0]) > 80


def test_searches_go_on_while_a_catalogue_is_encoded_again():
    rows = [cells for cells in table(reencoding) if cells[0] in ("before", "during", "after")]

    assert [cells[0] for cells in rows] == ["before", "during", "after"]
    assert all(int(cells[1]) > 0 for cells in rows)


def test_many_are_served_at_once():
    # In a process of its own: where tests of the page ran before, this one has a loop of events that never ends.
    asked = ("--fragments", "2000", "--listeners", "3", "--uploads", "20", "--minutes", "0.1")
    command = [sys.executable, "-m", "tests.benchmarks.serving", "--music", str(DEMO), *asked]
    _, *rows = cells(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    found = {row[0]: row[1] for row in rows}

    assert int(found["fragments"].replace(",", "")) == pytest.approx(2000, rel=0.2)
    assert int(found["3 listeners: answers"]) >= 3
    assert int(found["20 uploads a minute: answers"]) == 2
    assert [row[1] for row in rows if row[0] == "errors"] == ["0", "0"]
    assert len(rows[-1][1].split(", ")) == 4
