"""Lines are laid along their songs."""

import numpy as np
import pytest

from songradar.fitting import LONGEST_S, extend, fit, weigh
from songradar.following import StoredSong
from songradar.ml.spec import AudioSpec
from songradar.timeline import join
from tests.songradar.lines import HOP_S, points

SPEC = AudioSpec("toy", 8000, 1.0, 0.625, HOP_S, 64, n_fft=1024, hop_length=250, n_mels=128, n_frames=28)
SONG_S = 300.0


def sound(rng, noise=0.2):
    """Embeddings of a song that changes all the time: a function of places (n,) in it, in seconds."""
    pace, phase = rng.normal(0, 2.5, 64), rng.uniform(0, 2 * np.pi, 64)

    def embeddings(places_s):
        waves = np.cos(np.outer(places_s, pace) + phase) + noise * rng.standard_normal((len(places_s), 64))
        return (waves / np.linalg.norm(waves, axis=1, keepdims=True)).astype(np.float32)

    return embeddings


class Recording:
    """A song as it is stored, and fragments of a recording, of which those from `oldest` to `newest` are at hand."""

    def __init__(self, stored, heard):
        self.song = StoredSong(np.arange(len(stored)), stored, SPEC)
        self.heard = heard

    def follow(self, line, first, last):
        at_s = np.arange(first, last) * HOP_S
        return self.song.similarities(self.heard[first:last], line.song_s(at_s))

    def everywhere(self, line, first, last, at_s, rates):
        apart_s = np.arange(first, last) * HOP_S - at_s
        return self.song.everywhere(self.heard[first:last], apart_s, float(line.song_s(at_s)), rates)


def played(song, rate, seconds=200.0):
    """The song from its tenth second on."""
    return Recording(song(np.arange(0, SONG_S, SPEC.hop_s)), song(10 + rate * np.arange(0, seconds, HOP_S)))


def test_line_is_followed_while_the_song_is_heard_and_no_further(rng):
    """It plays from 40 to 150 s, and was found at 90 s."""
    recording, other = played(sound(rng), 1.0), sound(rng)
    recording.heard[:128], recording.heard[480:] = other(np.arange(128)), other(np.arange(160))
    (line,) = join(points(1, 90, 110, song_s=100), [])
    extend(line, HOP_S, 0, 640, recording)

    assert 20 < line.first * HOP_S < 40
    assert 150 < line.end * HOP_S < 170


@pytest.mark.parametrize("rate", [0.93, 1.0, 1.04])
def test_rate_and_place_are_found_by_comparing(rng, rate):
    recording = played(sound(rng), rate)
    (line,) = join(points(1, 5, 25, song_s=10.2 + 5 * rate), [])
    extend(line, HOP_S, 0, 80, recording)
    fit(line, HOP_S, 0, recording)

    assert line.rate == pytest.approx(rate, abs=0.003)
    assert line.song_s(15.0) == pytest.approx(10 + 15 * rate, abs=0.1)


def test_line_at_a_place_that_sounds_nearly_the_same_is_moved(rng):
    """The song's first minute comes again, a little otherwise, from 100 s on."""
    first, other = sound(rng), sound(rng)
    stored = first(np.arange(0, SONG_S, SPEC.hop_s))
    again = first(np.arange(0, 60, SPEC.hop_s)) + 0.4 * other(np.arange(0, 60, SPEC.hop_s))
    stored[160 : 160 + len(again)] = again / np.linalg.norm(again, axis=1, keepdims=True)
    recording = Recording(stored, first(10 + np.arange(0, 40, HOP_S)))
    (line,) = join(points(1, 0, 40, song_s=110), [])
    extend(line, HOP_S, 0, 128, recording)
    fit(line, HOP_S, 0, recording)

    assert line.song_s(0.0) == pytest.approx(10, abs=0.2)


def test_song_is_kept_to_for_as_long_as_it_plays(rng):
    """Played slightly too fast, it would be a second off after a quarter of an hour."""
    song, rate = sound(rng), 1.0012
    recording = Recording(song(np.arange(0, 920, SPEC.hop_s)), song(rate * np.arange(0, 900, HOP_S)))
    (line,) = join(points(1, 0, 20), [])
    for newest in range(64, 2881, 192):
        oldest = max(0, newest - round(LONGEST_S / HOP_S))
        extend(line, HOP_S, oldest, newest, recording)
        fit(line, HOP_S, oldest, recording)

    assert line.song_s(890.0) == pytest.approx(890 * rate, abs=0.3)
    assert line.rate == pytest.approx(rate, abs=0.0005)


def heard_as_song(recording, log_odds):
    """A line with one sure answer, about the first 15 s."""
    (line,) = join(points(1, 0, 15, song_s=10, log_odds=log_odds, every_s=10.0), [])
    extend(line, HOP_S, 0, 48, recording)
    weigh(line, HOP_S, 0, recording)
    return line


def test_song_that_might_as_well_be_elsewhere_is_half_as_sure(rng):
    drone = sound(rng)(np.zeros(1)) + 0.02 * rng.standard_normal((480, 64))
    everywhere = Recording(drone.astype(np.float32), np.repeat(drone[:1], 64, axis=0).astype(np.float32))

    assert heard_as_song(everywhere, 5.0).log_odds == 2.5
    assert not heard_as_song(everywhere, 5.0).is_believed
    assert heard_as_song(everywhere, 7.0).is_believed
    assert heard_as_song(played(sound(rng), 1.0), 5.0).log_odds == 5.0
