"""Points about a long recording become lines, and lines playings."""

import numpy as np
import pytest

from songradar.timeline import FAINT, Line, Point, choose, extend, gaps, join, stretches, tune

HOP_S = 0.3125
HEARD, NOTHING = 0.8, 0.0


def points(song_id, from_s, to_s, song_s=0.0, rate=1.0, log_odds=5.0, every_s=5.0):
    """Answers to windows of ten seconds from one time to another, of a song that is at `song_s` at `from_s`."""
    return [
        Point(at, 10.0, song_id, song_s + rate * (at - from_s), log_odds)
        for at in np.arange(from_s + 5, to_s - 4.9, every_s)
    ]


def line_of(song_id, from_s, to_s, heard=(), rate=1.0, song_s=0.0):
    """A line with its similarities: HEARD in the times `heard`, or all of it."""
    (line,) = join(points(song_id, from_s, to_s, song_s, rate), [])
    times = np.arange(round(from_s / HOP_S), round(to_s / HOP_S)) * HOP_S
    inside = [any(begin <= at < end for begin, end in heard or [(from_s, to_s)]) for at in times]
    line.first, line.similarities = round(from_s / HOP_S), np.where(inside, HEARD, NOTHING).tolist()
    return line


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


def test_playing_begins_and_ends_where_the_song_is_heard():
    (stretch,) = stretches(line_of(1, 0, 100, heard=[(20, 80)]), HOP_S)

    assert stretch.first * HOP_S == pytest.approx(20, abs=HOP_S)
    assert stretch.last * HOP_S == pytest.approx(80, abs=2 * HOP_S)


def test_talk_over_a_song_is_bridged_and_a_long_absence_is_not():
    bridged = stretches(line_of(1, 0, 100, heard=[(0, 40), (60, 100)]), HOP_S)
    parted = stretches(line_of(1, 0, 200, heard=[(0, 40), (120, 200)]), HOP_S)

    assert len(bridged) == 1
    assert len(parted) == 2


def test_song_that_repeats_itself_is_one_playing():
    """From 40 s on the song is heard at another of its places, too, a little less well."""
    true = line_of(1, 0, 100)
    repeat = line_of(1, 40, 100, song_s=10.0)
    repeat.similarities = [0.75] * len(repeat.similarities)

    assert [stretch.line for stretch in choose([true, repeat], HOP_S)] == [true]


def test_songs_that_fade_into_each_other_overlap_and_a_copy_is_left_out():
    one, two, copy = line_of(1, 0, 60), line_of(2, 50, 100), line_of(3, 10, 50)
    copy.similarities = [0.7] * len(copy.similarities)

    assert {stretch.line.song_id for stretch in choose([one, two, copy], HOP_S)} == {1, 2}


def test_points_that_nobody_believes_are_no_playing():
    (line,) = join(points(1, 0, 20, log_odds=0.5), [])
    line.similarities = [HEARD] * 64

    assert choose([line], HOP_S) == []


def test_line_is_followed_while_the_song_is_heard_and_no_further():
    (line,) = join(points(1, 20, 60), [])
    extend(
        line,
        HOP_S,
        0,
        1000,
        lambda _line, first, last: [HEARD if i * HOP_S < 150 else NOTHING for i in range(first, last)],
    )

    assert 150 < line.end * HOP_S < 180
    assert line.first * HOP_S == pytest.approx(5, abs=HOP_S)


def test_speed_is_found_by_comparing():
    (line,) = join(points(1, 0, 15), [])
    line.similarities = [HEARD] * 160

    def follow(trial, first, last):
        apart_s = abs(trial.song_s(np.arange(first, last) * HOP_S) - 1.03 * (np.arange(first, last) * HOP_S - 5) - 5)
        return (HEARD * np.exp(-((apart_s / 0.3) ** 2))).tolist()

    tune(line, HOP_S, 0, follow)

    assert line.rate == pytest.approx(1.03, abs=0.003)


def test_gaps_are_what_no_span_covers():
    assert list(gaps([(5, 10), (8, 20), (30, 31)], 0, 40, 2.0)) == [(0, 5), (20, 30), (31, 40)]
    assert list(gaps([(0, 39)], 0, 40, 2.0)) == []


def test_silence_is_fainter_than_any_song():
    assert 0 < FAINT < HEARD


def test_line_without_similarities_is_heard_nowhere():
    assert stretches(Line(1, points(1, 0, 20)), HOP_S) == []
