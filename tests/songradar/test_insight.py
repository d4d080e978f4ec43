"""Numbers about searches and playings."""

from datetime import UTC, datetime

import numpy as np
import pytest

from songradar import Catalogue
from songradar.identify import identify, keep
from songradar.ingest import ingest
from songradar.insight import insight
from songradar.ml.audio import read_audio
from songradar.scan import ScanOptions, scan


@pytest.fixture
def catalogue(database, music):
    """Three songs of the toy encoder, in which nothing was searched."""
    with Catalogue.open(database) as opened:
        list(ingest(opened, music.values()))
        yield opened


@pytest.fixture
def searched(catalogue, music):
    """Birch was searched for twice, and noise once; of two more searches one was yesterday, one two years ago."""
    birch = read_audio(music["Birch"], 16_000)
    noise = np.random.default_rng(1).standard_normal(64_000).astype(np.float32) * 0.1
    numbers = [keep(catalogue, identify(catalogue, (wave, 16_000))) for wave in (birch, birch, noise, birch, birch)]
    with catalogue.connection() as connection:
        for number, ago in zip(numbers[3:], ("25 hours", "2 years"), strict=True):
            connection.execute(
                "UPDATE songradar.searches SET searched_at = now() - %s::interval WHERE id = %s", [ago, number]
            )
        connection.execute("UPDATE songradar.matches SET accepted = rank = 1 WHERE search_id <> %s", [numbers[2]])
        connection.execute("UPDATE songradar.matches SET accepted = false WHERE search_id = %s", [numbers[2]])
    return catalogue


@pytest.mark.parametrize(("span", "n", "buckets"), [("day", 3, 24), ("week", 4, 7), ("month", 4, 30), ("year", 4, 12)])
def test_searches_of_a_span_are_counted(span, n, buckets, searched):
    found = insight(searched, span)

    assert (found.searches, found.matched) == (n, n - 1)
    assert len(found.over_time) == buckets
    assert sum(row["searches"] for row in found.over_time) == n
    assert sum(row["accepted"] for row in found.confidence) == n - 1
    assert sum(row["refused"] for row in found.confidence) == 1


def test_days_begin_at_midnight_where_the_reader_is(searched):
    for zone, hour in (("UTC", 0), ("Asia/Shanghai", 16), ("Asia/Kolkata", 18)):
        assert insight(searched, "week", zone).since.astimezone(UTC).hour == hour


def test_stages_come_in_their_order_with_their_times(searched):
    stages = insight(searched).stages

    assert [row["stage"] for row in stages] == ["decode", "encode", "search", "total"]
    assert all(0 <= row["median_ms"] <= row["p95_ms"] for row in stages)


def test_most_found_song_comes_first(searched):
    best, *_ = insight(searched).most_found

    assert (best["title"], best["times"]) == ("Birch", 3)


def test_searches_of_which_no_candidate_was_kept_count(searched):
    with searched.connection() as connection:
        connection.execute("DELETE FROM songradar.matches WHERE NOT accepted")

    found = insight(searched, "day")

    assert (found.searches, found.matched) == (3, 2)


def test_played_seconds_are_those_of_scans(catalogue, music):
    playings = [one for one in scan(catalogue, music["Cedar"], ScanOptions(began_at=datetime.now(UTC))) if one.song_id]

    played = insight(catalogue).most_played

    assert playings
    assert sum(row["played_s"] for row in played) == pytest.approx(sum(one.end_s - one.start_s for one in playings))
    assert sum(row["plays"] for row in played) == len(playings)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "a\0b", "posixrules" * 9])
def test_unknown_time_zone_is_refused(zone, catalogue):
    with pytest.raises(ValueError, match="time zone"):
        insight(catalogue, "week", zone)


def test_unknown_span_is_refused(catalogue):
    with pytest.raises(ValueError, match="'decade' is none of"):
        insight(catalogue, "decade")
