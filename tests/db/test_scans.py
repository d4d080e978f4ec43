"""What is kept of scans."""

from datetime import UTC, datetime

import pytest

from songradar.db import history, scans
from songradar.timeline import Playing
from tests.db.rows import active_encoder_id
from tests.reach import connect


def test_what_is_kept_twice_is_there_once(database):
    """As after a commit that got no answer, since the server went away."""
    plays = [vars(Playing(0.0, 60.0, None, "Amber", n_fragments=200)), vars(Playing(60.0, 90.0))]
    with connect() as connection:
        scan = scans.begin(connection, "radio.wav", None, None, active_encoder_id(), {})
        for _ in range(2):
            scans.finish(connection, scan.id, plays, 90.0, 95.0)
        kept = scans.plays_of(connection, scan.id)
        finished = connection.execute("SELECT scanned_s, duration_s, finished_at IS NOT NULL FROM songradar.scans")

        assert [(play["title"], play["start_s"]) for play in kept] == [("Amber", 0.0), (None, 60.0)]
        assert finished.fetchall() == [(90.0, 95.0, True)]


RADIO, OTHER = bytes(32), bytes([1]) * 32
BEGAN = datetime(2026, 11, 24, 20, tzinfo=UTC)


def finished(connection, sha256=RADIO, began_at=None, duration_s=833.0, **options):
    """A finished scan of a recording of 833 s; returns the numbers of those that it replaced."""
    begun = scans.begin(connection, "radio.wav", sha256, began_at, active_encoder_id(), options)
    return [one.id for one in scans.finish(connection, begun.id, [], duration_s, duration_s)]


@pytest.mark.parametrize(
    ("earlier", "later", "is_replaced"),
    [
        ({}, {}, True),
        ({}, {"duration_s": 832.99}, True),
        ({"to_s": 330.0}, {}, True),
        ({"from_s": 60.0, "to_s": 90.0}, {"from_s": 50.0, "to_s": 90.0}, True),
        ({}, {"to_s": 3600.0}, True),
        ({"artist": "The Trees"}, {"artist": "The Trees"}, True),
        ({"began_at": BEGAN}, {"began_at": BEGAN}, True),
        ({}, {"to_s": 330.0}, False),
        ({"to_s": 330.0}, {"from_s": 300.0}, False),
        ({"artist": "The Trees"}, {}, False),
        ({}, {"min_played_s": 30.0}, False),
        ({}, {"began_at": BEGAN}, False),
        ({}, {"sha256": OTHER}, False),
        ({"sha256": None}, {"sha256": None}, False),
    ],
)
def test_finished_scan_takes_the_place_of_one_that_tells_no_more(database, earlier, later, is_replaced):
    with connect() as connection:
        finished(connection, **earlier)
        replaced = finished(connection, **later)
        left, _ = history.scans(connection, 10)

    assert replaced == ([1] if is_replaced else [])
    assert [scan["scan_id"] for scan in left] == ([2] if is_replaced else [2, 1])


def test_unfinished_scan_is_left_alone(database):
    """It may be another process's, which goes on."""
    with connect() as connection:
        scans.begin(connection, "radio.wav", RADIO, None, active_encoder_id(), {})
        replaced = finished(connection)

    assert replaced == []


@pytest.mark.parametrize(
    ("asked", "whole"),
    [
        ({"to_s": 330.0}, 1),
        ({"from_s": 60.0}, 1),
        ({"from_s": 60.0, "to_s": 3600.0}, 1),
        ({}, None),
        ({"to_s": 833.0}, None),
        ({"to_s": 330.0, "artist": "The Trees"}, None),
    ],
)
def test_stretch_of_a_finished_scan_is_found_if_it_is_smaller(database, asked, whole):
    with connect() as connection:
        finished(connection)

        assert scans.enclosing(connection, RADIO, None, asked) == whole
        assert scans.enclosing(connection, RADIO, BEGAN, asked) is None
        assert scans.enclosing(connection, OTHER, None, asked) is None
