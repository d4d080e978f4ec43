"""What evaluation counts, and the queries it asks."""

from dataclasses import dataclass

import numpy as np
import pytest

from ml import evaluation
from ml.audio import read_audio
from ml.evaluation import (
    ALIGNED,
    BOTH,
    NOISY,
    SHIFTED,
    Outcome,
    Query,
    Score,
    article_queries,
    random_queries,
    scores,
    wilson_interval,
)
from ml.noise import rms
from tests import synth
from tests.toy_encoder import SPEC

RATE_HZ = SPEC.sample_rate_hz


@dataclass(frozen=True)
class Match:
    """The least that evaluation reads."""

    source: str
    accepted: bool
    offset_s: float = 0
    score: float = 0
    coverage: float = 0
    margin: float = 0
    n_fragments: int = 1
    confidence: float = 0


def outcome(condition, found, accepted=False):
    """What became of a query for `a`: `found` is the song that was named."""
    best = Match(found, accepted) if found else None
    return Outcome(Query(condition, "a", 0, np.zeros(1, np.float32)), best)


@pytest.fixture
def songs(tmp_path, rng):
    return [synth.write_wav(tmp_path / f"{i}.wav", synth.melody(rng, 6, RATE_HZ), RATE_HZ) for i in range(3)]


def test_scores_count_each_condition():
    outcomes = [
        outcome("noisy", "a", accepted=True),
        outcome("clean", "a", accepted=True),
        outcome("noisy", "a"),
        outcome("noisy", "b", accepted=True),
        outcome("noisy", "b"),
        outcome("noisy", None),
    ]

    assert scores(outcomes) == [
        Score("noisy", n_queries=5, n_right=2, n_right_accepted=1, n_wrong_accepted=1),
        Score("clean", n_queries=1, n_right=1, n_right_accepted=1, n_wrong_accepted=0),
    ]


def test_no_outcomes_have_no_scores():
    assert scores([]) == []


def test_only_the_first_match_counts(rng):
    queries = [Query("clean", name, 0, synth.melody(rng, 1)) for name in ("a", "b", "c")]

    first, second, third = evaluation.run(
        queries, lambda wave: [] if wave is queries[2].wave else [Match("a", True), Match("b", True)]
    )

    assert (first.right, second.right, third.right) == (True, False, False)
    assert (second.accepted, third.accepted) == (True, False)
    assert third.best is None


@pytest.mark.parametrize(
    ("n_hits", "n", "low", "high"),  # Newcombe (1998), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_is_that_of_the_textbook(n_hits, n, low, high):
    assert wilson_interval(n_hits, n) == pytest.approx((low, high), abs=1e-4)


def test_article_asks_four_queries_a_song(songs, rng):
    queries = list(article_queries(songs, SPEC, [], rng))

    assert [query.condition for query in queries] == [ALIGNED, NOISY, SHIFTED, BOTH] * 3
    assert [query.source for query in queries] == [str(song) for song in songs for _ in range(4)]
    assert [query.offset_s for query in queries] == [0, 0, 2, 2] * 3
    assert {len(query.wave) for query in queries} == {SPEC.fragment_samples}


def test_article_queries_are_cuts_of_their_song(songs, rng):
    song = read_audio(songs[0], RATE_HZ)

    aligned, noisy, shifted, both = article_queries(songs[:1], SPEC, [], rng)

    np.testing.assert_array_equal(aligned.wave, song[:RATE_HZ])
    np.testing.assert_array_equal(shifted.wave, song[2 * RATE_HZ : 3 * RATE_HZ])
    for clean, dirty in ((aligned, noisy), (shifted, both)):
        noise = dirty.wave - clean.wave
        assert 20 * np.log10(rms(clean.wave) / rms(noise)) == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize(("duration_s", "n_asked"), [(0.9, 0), (1.0, 2), (2.9, 2), (3.0, 4)])
def test_article_leaves_out_what_a_song_is_too_short_for(duration_s, n_asked, tmp_path, rng):
    song = synth.write_wav(tmp_path / "short.wav", synth.melody(rng, duration_s, RATE_HZ), RATE_HZ)

    asked = [query.condition for query in article_queries([song], SPEC, [], rng)]

    assert asked == [ALIGNED, NOISY, SHIFTED, BOTH][:n_asked]


def test_silent_cuts_are_left_out(tmp_path, rng):
    song = synth.melody(rng, 6, RATE_HZ)
    song[: 2 * RATE_HZ] = 0
    half_silent = synth.write_wav(tmp_path / "half.wav", song, RATE_HZ)
    silent = synth.write_wav(tmp_path / "silent.wav", 0 * song, RATE_HZ)

    assert [query.condition for query in article_queries([half_silent, silent], SPEC, [], rng)] == [SHIFTED, BOTH]
    assert list(random_queries([silent], SPEC, [], rng, 5)) == []


def test_random_queries_depend_on_the_seed_only(songs):
    first, again, other = (list(random_queries(songs, SPEC, [], np.random.default_rng(seed), 4)) for seed in (1, 1, 2))

    assert [query.offset_s for query in first] == [query.offset_s for query in again]
    assert all(np.array_equal(a.wave, b.wave) for a, b in zip(first, again, strict=True))
    assert [query.offset_s for query in first] != [query.offset_s for query in other]


def test_random_queries_are_pieces_of_their_songs(songs, rng):
    queries = list(random_queries(songs, SPEC, [], rng, 20))

    assert [query.source for query in queries] == [str(song) for song in songs for _ in range(20)]
    for query in queries:
        assert 1 <= len(query.wave) / RATE_HZ <= 3
        song = read_audio(songs[int(query.source[-5])], RATE_HZ)
        start = round(query.offset_s * RATE_HZ)
        clean = song[start : start + len(query.wave)]
        assert np.corrcoef(clean, query.wave)[0, 1] > 0.6  # 0 dB of noise leaves 0.7


def test_some_random_queries_are_clean_and_most_are_noisy(songs, rng):
    song = read_audio(songs[0], RATE_HZ)
    starts = [(round(q.offset_s * RATE_HZ), q.wave) for q in random_queries(songs[:1], SPEC, [], rng, 60)]

    n_clean = sum(np.array_equal(song[start : start + len(wave)], wave) for start, wave in starts)

    assert 3 <= n_clean <= 24  # one in five expected


def test_song_shorter_than_a_fragment_gives_no_random_query(tmp_path, rng):
    song = synth.write_wav(tmp_path / "short.wav", synth.melody(rng, 0.9, RATE_HZ), RATE_HZ)

    assert list(random_queries([song], SPEC, [], rng, 5)) == []
