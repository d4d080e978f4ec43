"""Grades of what is heard in a mix, against what was played."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from songradar.ml.grading import Grade, grade
from songradar.ml.mixes import Kind, Truth


@dataclass(frozen=True)
class Named:
    """What a scan says, in as few words as possible."""

    source: str | None
    start_s: float
    end_s: float
    song_start_s: float | None = 0.0
    song_end_s: float | None = None
    confidence: float | None = 0.9


def named(source, start_s, end_s, song_start_s=0.0, pace=1.0, confidence=0.9):
    return Named(source, start_s, end_s, song_start_s, song_start_s + (end_s - start_s) * pace, confidence)


def plays(source, start_s, end_s, song_start_s=0.0, speed=1.0, kind=Kind.SONG, fade_s=0.0):
    song_end_s = song_start_s + (end_s - start_s) * speed
    return Truth(
        kind, source, Path(), start_s - fade_s, start_s, end_s, end_s + fade_s, song_start_s, song_end_s, speed
    )


MIX = (plays("a", 0.0, 100.0), plays(None, 100.0, 150.0), plays("b", 160.0, 260.0, song_start_s=20.0, speed=1.04))


def test_what_plays_is_right():
    heard = [named("a", 0.0, 100.0), Named(None, 100.0, 160.0), named("b", 160.0, 260.0, 20.0, 1.04)]
    found = grade(MIX, heard, 300.0)

    assert (found.right, found.wrong, found.missed, found.false) == (1.0, 0.0, 0.0, 0.0)
    assert (found.songs_s, found.other_s) == pytest.approx((200.0, 100.0))
    assert (found.found_of(Kind.SONG), found.whole, found.n_false) == ((2, 2), (2, 2), 0)
    assert found.confusion_s == pytest.approx({"tp": 200.0, "fp": 0.0, "fn": 0.0, "tn": 100.0})


def test_nothing_named_is_missed():
    found = grade(MIX, [], 300.0)

    assert (found.right, found.missed, found.false, found.found_of(Kind.SONG)) == (0.0, 1.0, 0.0, (0, 2))
    assert (found.start_errors_s, found.calibration_error) == ([], 0.0)


def test_other_song_is_wrong_and_a_false_playing():
    found = grade(MIX, [named("b", 0.0, 50.0)], 300.0)

    assert (found.wrong_s, found.missed_s, found.false_s, found.elsewhere_s) == pytest.approx((50.0, 150.0, 0.0, 0.0))
    assert (found.n_false, found.false_per_hour) == (1, pytest.approx(12.0))
    assert found.confusion_s == pytest.approx({"tp": 0.0, "fp": 50.0, "fn": 200.0, "tn": 100.0})


def test_other_place_in_the_song_is_wrong():
    near, far = (grade(MIX, [named("a", 0.0, 100.0, place_s)], 300.0) for place_s in (0.9, 1.1))

    assert (near.right_s, near.wrong_s) == pytest.approx((100.0, 0.0))
    assert (far.right_s, far.wrong_s, far.elsewhere_s) == pytest.approx((0.0, 100.0, 100.0))


def test_wrong_speed_is_wrong_once_the_place_is():
    """At 1.02, a hundred seconds end two seconds off; half of the time is within one."""
    found = grade(MIX, [named("a", 0.0, 100.0, pace=1.02)], 300.0)

    assert (found.right_s, found.wrong_s) == pytest.approx((50.0, 50.0), abs=0.1)


@pytest.mark.parametrize("place_s", [(105.0, 145.0), (150.0, 160.0), (270.0, 290.0)])
def test_name_where_an_unknown_song_or_nothing_plays_is_false(place_s):
    found = grade(MIX, [named("a", *place_s)], 300.0)

    assert (found.false_s, found.wrong_s, found.n_false) == pytest.approx((place_s[1] - place_s[0], 0.0, 1))


def test_names_of_both_songs_or_of_one_are_right_in_an_overlap():
    truths = (plays("a", 0.0, 60.0), plays("b", 50.0, 100.0))
    both = [named("a", 0.0, 60.0), named("b", 50.0, 100.0)]
    first_gives_way, second_waits = [named("a", 0.0, 50.0), both[1]], [both[0], named("b", 60.0, 100.0, 10.0)]

    for heard in (both, first_gives_way, second_waits):
        found = grade(truths, heard, 100.0)
        assert (found.right, found.songs_s) == (1.0, pytest.approx(100.0))


def test_third_song_in_an_overlap_is_wrong_beside_a_right_one():
    found = grade(
        (plays("a", 0.0, 60.0), plays("b", 50.0, 100.0)), [named("a", 0.0, 60.0), named("c", 55.0, 60.0)], 100.0
    )

    assert (found.right_s, found.wrong_s) == pytest.approx((55.0, 5.0))


def test_song_that_fades_may_be_named_and_need_not_be():
    truths = (plays("a", 10.0, 60.0, fade_s=4.0), plays(None, 60.0, 90.0))
    short, long = [named("a", 10.0, 60.0)], [named("a", 6.0, 64.0, -4.0)]

    for heard in (short, long):
        found = grade(truths, heard, 100.0)
        assert (found.right, found.false, found.start_errors_s, found.end_errors_s) == (1.0, 0.0, [0.0], [0.0])


def test_errors_of_start_and_end_are_those_of_all_parts_together():
    found = grade(MIX[:1], [named("a", 2.5, 40.0, 2.5), named("a", 45.0, 101.0, 45.0)], 120.0)

    assert (found.start_errors_s, found.end_errors_s) == ([2.5], [1.0])
    assert found.whole == (0, 1)


def test_playing_is_found_if_half_of_it_is_named():
    half, less = (grade(MIX[:1], [named("a", 0.0, end_s)], 100.0) for end_s in (51.0, 49.0))

    assert (half.found_of(Kind.SONG), less.found_of(Kind.SONG)) == ((1, 1), (0, 1))


def test_playing_with_wrong_edges_is_no_false_one():
    late, elsewhere = (grade(MIX, [named("a", start_s, 130.0, start_s)], 300.0) for start_s in (90.0, 99.0))

    assert (late.n_false, elsewhere.n_false) == (0, 1)
    assert (late.judged[0].is_right, elsewhere.judged[0].is_right) == (True, False)


def test_jingles_are_counted_apart():
    truths = (plays("a", 0.0, 50.0), plays("j", 50.0, 55.0, kind=Kind.JINGLE))
    found = grade(truths, [named("a", 0.0, 55.0)], 60.0)

    assert (found.found_of(Kind.SONG), found.found_of(Kind.JINGLE)) == ((1, 1), (0, 1))
    assert found.wrong_s == pytest.approx(5.0)


def test_song_with_the_same_sound_is_neither_right_nor_wrong():
    asked = []

    def alike(truth, heard, start_s, end_s):
        asked.append((truth.source, heard.source, start_s, end_s))
        return True

    found = grade(MIX, [named("c", 20.0, 60.0)], 300.0, alike)

    assert asked == [("a", "c", pytest.approx(20.0), pytest.approx(60.0))]
    assert (found.wrong_s, found.alike_s, found.songs_s) == pytest.approx((0.0, 40.0, 160.0))
    assert (found.judged, found.n_false) == ((), 0)


def test_calibration_error_is_the_gap_between_confidence_and_truth():
    heard = [named("a", 0.0, 100.0, confidence=0.8), named("a", 160.0, 260.0, confidence=0.8)]

    assert grade(MIX, heard, 300.0).calibration_error == pytest.approx(0.3)


def test_grades_add_up():
    one = grade(MIX, [named("a", 0.0, 100.0)], 300.0)
    both = one + grade(MIX, [named("b", 0.0, 50.0)], 300.0)

    assert (both.duration_s, both.right_s, both.wrong_s) == pytest.approx((600.0, 100.0, 50.0))
    assert (both.found_of(Kind.SONG), both.n_false) == ((1, 4), 1)
    assert Grade() + one == one


def test_seconds_add_up(rng):
    """Whatever is heard, each second with songs is right, wrong, missed, or alike."""
    for _ in range(20):
        starts = rng.uniform(0, 280, 10)
        heard = [named(str(rng.choice(list("abc"))), s, s + rng.uniform(1, 60), rng.uniform(0, 3)) for s in starts]
        found = grade(MIX, heard, 300.0)

        assert found.right_s + found.wrong_s + found.missed_s == pytest.approx(found.songs_s) == pytest.approx(200.0)
        assert found.other_s == pytest.approx(100.0)


def test_place_counts_in_the_song_also_when_the_song_starts_late():
    truth = replace(MIX[2], song_start_s=33.0)

    assert grade([truth], [named("b", 200.0, 220.0, 33.0 + 40 * 1.04, 1.04)], 300.0).right_s == pytest.approx(20.0)
