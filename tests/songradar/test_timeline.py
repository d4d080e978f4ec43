"""Points about a long recording become lines, and lines playings."""

import pytest

from songradar.timeline import Point, gaps, join
from tests.songradar.lines import points


@pytest.mark.parametrize("rate", [0.9, 0.96, 1.0, 1.04, 1.1])
def test_points_of_a_song_played_faster_or_slower_are_one_line(rate):
    (line,) = join(points(1, 20, 120, song_s=7.0, rate=rate), [])

    assert len(line.points) == 19
    assert line.rate == pytest.approx(rate, abs=0.002)
    assert line.song_s(20.0) == pytest.approx(7.0, abs=0.2)


def test_other_songs_and_other_places_are_other_lines():
    one, other, later = points(1, 0, 30), points(2, 0, 30), points(1, 60, 90)

    assert len(join([*one, *other, *later], [])) == 3


def test_one_point_off_the_line_does_not_bend_it():
    found = points(1, 0, 100)
    wrong = Point(50.0, 10.0, 1, 50.45, 5.0)
    (line,) = join([*found, wrong], [])

    assert len(line.points) == len(found) + 1
    assert line.rate == pytest.approx(1.0, abs=0.002)
    assert line.song_s(50.0) == pytest.approx(50.0, abs=0.1)


def test_gaps_are_what_no_span_covers():
    assert list(gaps([(5, 10), (8, 20), (30, 31)], 0, 40, 2.0)) == [(0, 5), (20, 30), (31, 40)]
    assert list(gaps([(0, 39)], 0, 40, 2.0)) == []


def test_unusual_speed_makes_a_line_less_sure():
    (usual,), (unusual,) = (join(points(1, 0, 60, rate=rate, log_odds=3.0), []) for rate in (1.04, 1.09))

    assert usual.is_believed
    assert unusual.log_odds < usual.log_odds
