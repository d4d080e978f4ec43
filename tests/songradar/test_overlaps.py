"""Where playings overlap, a format that knows no overlaps tells one at a time."""

from songradar.reports.overlaps import one_at_a_time
from songradar.timeline import Playing


def spans(playings):
    return [(one.start_s, one.end_s, one.playing.title) for one in one_at_a_time(iter(playings))]


def song(title, start_s, end_s):
    return Playing(start_s, end_s, 7, title)


def test_song_goes_on_after_a_jingle_in_its_middle():
    assert spans([song("long", 0.0, 100.0), song("jingle", 40.0, 45.0)]) == [
        (0.0, 40.0, "long"),
        (40.0, 45.0, "jingle"),
        (45.0, 100.0, "long"),
    ]


def test_last_of_a_fade_is_no_track_of_its_own():
    assert spans([song("long", 0.0, 100.0), song("next", 95.0, 99.0), song("last", 99.0, 150.0)]) == [
        (0.0, 95.0, "long"),
        (95.0, 99.0, "next"),
        (99.0, 150.0, "last"),
    ]
    assert spans([song("long", 0.0, 100.0), song("jingle", 95.0, 99.5)])[-1] == (95.0, 99.5, "jingle")


def test_of_songs_that_begin_together_the_shorter_comes_first():
    together = [song("short", 0.0, 20.0), song("long", 0.0, 100.0)]

    assert spans(together) == spans(reversed(together)) == [(0.0, 20.0, "short"), (20.0, 100.0, "long")]


def test_times_between_playings_stay_empty():
    assert spans([song("a", 5.0, 10.0), song("nothing", 12.0, 12.0), song("b", 20.0, 30.0)]) == [
        (5.0, 10.0, "a"),
        (20.0, 30.0, "b"),
    ]


def test_one_at_a_time_agrees_with_a_count_by_hundredths(rng):
    """An oracle that looks at every hundredth of a second: there, the latest to begin is told, or too short a rest."""
    for _ in range(20):
        starts = sorted(rng.uniform(0, 60, 8).round(2))
        playings = [song(str(i), start, start + rng.uniform(0.5, 30)) for i, start in enumerate(starts)]
        stretches = list(one_at_a_time(playings))
        for moment_s in rng.uniform(0, 90, 200):
            heard = [one for one in playings if one.start_s <= moment_s < one.end_s]
            told_here = [one.playing for one in stretches if one.start_s <= moment_s < one.end_s]
            assert told_here in ([], heard[-1:])
            assert told_here or all(one.start_s != moment_s for one in heard)
        told_s = sum(one.end_s - one.start_s for one in stretches)
        covered = sum(any(one.start_s <= t / 100 < one.end_s for one in playings) for t in range(9000)) / 100
        assert covered - 2.0 * len(playings) <= told_s <= covered + 0.1
