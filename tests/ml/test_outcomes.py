"""When an answer is right, wrong, or neither."""

import numpy as np
import pytest

from songradar.ml.outcomes import SearchResult, judge, sound_alike
from songradar.ml.queries import RATE_HZ
from tests import synth
from tests.ml.answers import Match, answer, query


class TestOutcome:
    def test_only_the_first_match_counts(self):
        first, second = Match("a", accepted=True), Match("b", accepted=False)

        assert [judge(query(source=name), answer(first, second)).right for name in "ab"] == [True, False]
        assert judge(query(), answer(first, second)).accepted
        assert not judge(query(), answer(second, first)).accepted

    @pytest.mark.parametrize("given", [None, SearchResult((), 1.0, 1.0)], ids=["not searched", "nothing found"])
    def test_nothing_found_is_neither_right_nor_accepted(self, given):
        outcome = judge(query(), given)

        assert (outcome.best, outcome.right, outcome.accepted) == (None, False, False)
        assert outcome.offset_error_s == np.inf

    def test_another_file_of_the_recording_is_right_too(self):
        twin, own, other = Match("b", same_recording=True), Match("a", same_recording=True), Match("a")

        assert judge(query(), answer(twin, own)).right
        assert not judge(query(), answer(twin, other)).right

    def test_no_match_is_right_for_an_absent_song(self):
        assert not judge(query(source=""), answer(Match("a"))).right

    def test_offset_error_has_no_sign(self):
        errors = [judge(query(offset_s=10.0), answer(Match("a", offset_s=at))).offset_error_s for at in (9.5, 10.25)]

        assert errors == [0.5, 0.25]

    def test_sound_is_forgotten_and_the_question_is_not(self):
        outcome = judge(query("noisy", 10.0, "b", 3.0), answer(Match("b")))

        assert (len(outcome.query.wave), len(outcome.query.song)) == (0, 0)
        assert (outcome.query.condition, outcome.query.seconds) == ("noisy", 10.0)
        assert (outcome.query.source, outcome.query.offset_s) == ("b", 3.0)


class TestRepeats:
    @pytest.fixture
    def loop(self, rng):
        """Four seconds of a melody, the same again, and four seconds of another."""
        first, last = (synth.melody(rng, 4.0, RATE_HZ) for _ in range(2))
        return np.concatenate([first, first, last]).astype(np.float32)

    @pytest.mark.parametrize(
        ("second_s", "same"), [(5.0, True), (5.2, True), (5.5, False), (9.0, False), (-1.0, False), (99.0, False)]
    )
    def test_second_place_must_sound_the_same(self, loop, second_s, same):
        assert sound_alike(loop, 1.0, loop, second_s, 2.5) == same

    def test_faint_noise_does_not_make_another_sound_of_it(self, loop, rng):
        assert sound_alike(loop, 1.0, loop + 1e-3 * rng.standard_normal(len(loop)).astype(np.float32), 5.0, 2.5)

    def test_silence_is_no_repeat_of_silence(self):
        silence = np.zeros(10 * RATE_HZ, np.float32)

        assert not sound_alike(silence, 1.0, silence, 5.0, 2.5)

    @pytest.mark.parametrize(("source", "at", "expected"), [("a", 5.0, True), ("a", 1.1, False), ("b", 5.0, False)])
    def test_right_song_at_another_place_is_at_a_repeat(self, loop, source, at, expected):
        asked = query(seconds=2.5, offset_s=1.0, song=loop)

        assert judge(asked, answer(Match(source, offset_s=at))).same_sound == expected

    @pytest.mark.parametrize(("at", "confidence", "expected"), [(3.0, 0.9, True), (0.5, 0.9, False), (3.0, 0.2, False)])
    def test_absent_song_that_shares_a_passage_is_neither_right_nor_wrong(
        self, loop, at, confidence, expected, tmp_path
    ):
        path = synth.write_wav(tmp_path / "medley.wav", loop[6 * RATE_HZ :], RATE_HZ)
        asked = query(source="", seconds=2.5, offset_s=9.0, song=loop)

        outcome = judge(asked, answer(Match(str(path), offset_s=at, confidence=confidence)))

        assert (outcome.right, outcome.ambiguous) == (False, expected)
