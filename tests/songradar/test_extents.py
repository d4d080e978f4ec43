"""Songs are heard from when to when, and which of them are playings."""

import numpy as np
import pytest

from songradar.extents import FAINT, choose, stretches
from songradar.timeline import Line, join
from tests.songradar.lines import HEARD, HOP_S, line_of, points


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


def test_silence_is_fainter_than_any_song():
    assert 0 < FAINT < HEARD


def test_line_without_similarities_is_heard_nowhere():
    assert stretches(Line(1, points(1, 0, 20)), HOP_S) == []


def heard_as(similarities):
    """A line of a song that is heard so, beside a minute before and half a minute after in which it is not."""
    (line,) = join(points(1, 60, 120, song_s=30), [])
    line.similarities = [*[0.0] * 192, *similarities, *[0.0] * 96]
    return line


def test_song_that_is_cut_in_begins_suddenly():
    (stretch,) = stretches(heard_as([HEARD] * 192), HOP_S)

    assert (stretch.first, stretch.last) == (192, 383)
    assert not stretch.fades_in


def test_song_that_is_faded_in_begins_where_it_is_faintly_heard():
    fade = np.linspace(0.15, HEARD, 24)
    (stretch,) = stretches(heard_as([*fade, *[HEARD] * 192, *fade[::-1]]), HOP_S)

    assert stretch.first == pytest.approx(192, abs=2)
    assert stretch.last == pytest.approx(192 + 239, abs=2)
    assert stretch.fades_in


def test_something_like_a_song_before_it_is_not_its_beginning():
    (stretch,) = stretches(heard_as([*[0.25] * 16, *[-0.2] * 6, *[HEARD] * 192]), HOP_S)

    assert stretch.first == 192 + 22


def test_what_is_similar_by_chance_long_before_a_song_is_not_its_beginning():
    line = heard_as([HEARD] * 192)
    line.similarities[132:142] = [0.45] * 2 + [0.0] * 8

    assert stretches(line, HOP_S)[0].first == 192
