"""What evaluation counts."""

import json
from dataclasses import replace

import numpy as np
import pytest

from songradar.ml.evaluation import (
    Example,
    Score,
    as_record,
    calibration_error,
    catalogue_scores,
    examples,
    reliability,
    scores,
    summaries,
    wilson_interval,
)
from songradar.ml.outcomes import Among, Outcome, judge
from tests.ml.answers import Match, answer, query


class TestScores:
    def test_each_condition_and_length_is_counted(self):
        outcomes = [
            judge(query("noisy", 5.0), answer(Match("a", accepted=True))),
            judge(query("clean", 5.0), answer(Match("a", accepted=True))),
            judge(query("noisy", 5.0), answer(Match("a"))),
            judge(query("noisy", 5.0), answer(Match("b", accepted=True), Match("a", accepted=True))),
            judge(query("noisy", 5.0), answer(Match("b"))),
            judge(query("noisy", 5.0), answer()),
            judge(query("noisy", 1.0), None),
        ]

        assert scores(outcomes) == [
            Score("noisy", 5.0, n_queries=5, n_searched=5, n_right=2, n_right_accepted=1, n_wrong_accepted=1),
            Score("clean", 5.0, n_queries=1, n_searched=1, n_right=1, n_right_accepted=1, n_wrong_accepted=0),
            Score("noisy", 1.0, n_queries=1, n_searched=0, n_right=0, n_right_accepted=0, n_wrong_accepted=0),
        ]

    def test_no_outcomes_have_no_scores(self):
        assert scores([]) == []

    @pytest.mark.parametrize(
        ("n_hits", "n", "low", "high"),  # Newcombe (1998), table I, method 3
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
    )
    def test_wilson_interval_is_that_of_the_textbook(self, n_hits, n, low, high):
        assert wilson_interval(n_hits, n) == pytest.approx((low, high), abs=1e-4)


class TestSummaries:
    def test_lengths_are_summed_up_shortest_first(self):
        outcomes = [judge(query(seconds=seconds), answer(Match("a"))) for seconds in (10.0, 3.0, 10.0)]

        assert [(summary.seconds, summary.n_searched) for summary in summaries(outcomes)] == [(3.0, 1), (10.0, 2)]

    def test_shares_are_of_the_songs_that_are_there(self):
        right = [judge(query(), answer(Match("a", accepted=accepted))) for accepted in (True, True, True, False)]
        wrong = [judge(query(), answer(Match("b", accepted=accepted))) for accepted in (True, False, False)]
        nothing = [judge(query(), answer())]

        [summary] = summaries([*right, *wrong, *nothing])

        assert summary.wrongly_named == 1 / 8
        assert summary.false_accepts == {}

    def test_absent_songs_that_are_named_are_false_accepts(self):
        absent = [judge(query(source=""), answer(Match("b", accepted=i < 2))) for i in range(5)]
        present = [judge(query(), answer(Match("b", accepted=True)))]

        [summary] = summaries([*absent, *present])

        assert summary.false_accepts == {"absent song": (2, 5)}
        assert summary.wrongly_named == 1

    def test_false_accepts_are_told_apart_by_what_was_recorded(self):
        own = replace(judge(query(source=""), answer(Match("b", accepted=True))), among=Among.OTHERS)
        noise = [
            judge(query("noise alone", source=""), answer(Match("b", accepted=accepted))) for accepted in (0, 1, 0)
        ]
        few = replace(own, among=Among.ONE)

        [summary] = summaries([own, *noise, few])

        assert summary.false_accepts == {"its own song taken out": (1, 1), "noise alone": (1, 3)}

    def test_offset_errors_are_those_of_songs_named_rightly(self):
        right = [judge(query(), answer(Match("a", offset_s=at))) for at in np.linspace(0, 1, 101)]
        wrong = [judge(query(), answer(Match("b", offset_s=1000)))] * 50

        [summary] = summaries([*right, *wrong])

        assert summary.offset_error_s == pytest.approx((0.5, 0.95))

    def test_repeats_are_counted_apart_from_errors(self):
        right = [judge(query(), answer(Match("a", offset_s=at))) for at in (0.0, 0.1, 0.2)]
        repeat = replace(judge(query(), answer(Match("a", offset_s=4.0))), same_sound=True)

        [summary] = summaries([*right, repeat])

        assert summary.same_sound == 1 / 4
        assert summary.offset_error_s == pytest.approx((0.1, 0.19))

    def test_times_are_those_of_all_searches(self):
        outcomes = [judge(query(), answer(encode_ms=ms, search_ms=2.0 * ms)) for ms in range(101)]

        [summary] = summaries([*outcomes, judge(query(), None)])

        assert summary.n_searched == 101
        assert summary.encode_ms == pytest.approx((50, 95))
        assert summary.search_ms == pytest.approx((100, 190))

    def test_queries_that_could_not_be_searched_leave_zeros(self):
        [summary] = summaries([judge(query(seconds=1.0), None)])

        assert (summary.n_searched, summary.same_sound, summary.offset_error_s) == (0, 0, (0, 0))


def answered(confidence, right, source="a"):
    return judge(query(source=source), answer(Match("a" if right else "b", confidence=confidence)))


class TestReliability:
    def test_answers_are_counted_by_tenths_of_confidence(self):
        present = [answered(0.9, True), answered(1.0, True), answered(0.3, False), answered(0.4, True)]
        absent = [answered(0.2, False, source=""), answered(0.6, False, source="")]

        bins = reliability([*present, *absent, judge(query(), answer()), judge(query(), None)])

        assert [each.confidence for each in bins] == pytest.approx([0.2, 0.3, 0.4, 0.6, 0.95])
        assert [(each.right, each.n_answers) for each in bins] == [(0, 1), (0, 1), (1, 1), (0, 1), (1, 2)]
        assert [each.weight for each in bins] == pytest.approx([1 / 4, 1 / 8, 1 / 8, 1 / 4, 1 / 4])

    def test_strangers_weigh_as_much_as_songs_that_are_there_within_a_bin(self):
        [only] = reliability([answered(0.5, True), *[answered(0.5, False, source="")] * 9])

        assert (only.right, only.n_answers) == (pytest.approx(0.5), 10)


class TestCalibrationError:
    def test_confidence_that_is_a_share_of_right_answers_has_none(self):
        outcomes = [answered(0.75, i < 3) for i in range(4)] + [answered(0.25, i < 1) for i in range(4)]

        assert calibration_error(outcomes) == pytest.approx(0)

    def test_overconfidence_is_how_far_it_is_off(self):
        assert calibration_error([answered(0.9, i < 3) for i in range(5)]) == pytest.approx(0.3)

    def test_strangers_weigh_as_much_as_songs_that_are_there(self):
        """Half of what is asked at 50 % is there, however many strangers were asked."""
        outcomes = [answered(0.5, True), *[answered(0.5, False, source="")] * 9]

        assert calibration_error(outcomes) == pytest.approx(0)

    def test_nothing_answered_is_no_error(self):
        assert calibration_error([judge(query(), None)]) == 0


class TestCatalogues:
    def test_each_kind_of_catalogue_is_counted(self):
        right = replace(judge(query(), answer(Match("a", accepted=True))), among=Among.ONE)
        named = replace(judge(query(source=""), answer(Match("b", accepted=True))), among=Among.ONE)
        kept = replace(judge(query(source=""), answer(Match("b"))), among=Among.ONE)
        ten = replace(judge(query(), answer(Match("a"))), among=Among.TEN)

        one, of_ten, whole = catalogue_scores([right, named, kept, ten, judge(query(), answer())])

        assert (one.among, one.n_queries, one.n_right_accepted) == ("one song", 1, 1)
        assert (one.n_absent, one.n_false_accepts) == (2, 1)
        assert (of_ten.among, of_ten.n_queries, of_ten.n_right_accepted, of_ten.n_absent) == ("ten songs", 1, 0, 0)
        assert (whole.among, whole.n_queries, whole.n_right_accepted) == ("all songs", 1, 0)


class TestRecords:
    def test_outcome_comes_back_as_an_example_of_what_confidence_is_fitted_on(self):
        match = Match("/music/a.ogg", lead=0.25, peak=1.5, n_fragments=13, confidence=0.75)
        there = judge(query(seconds=5.0, source="/music/a.ogg"), answer(match))
        stranger = judge(query(seconds=3.0, source=""), answer(match))
        few = Outcome(there.query, there.answer, among=Among.ONE)
        records = json.loads(json.dumps([as_record(o) for o in (there, stranger, few, judge(query(), None))]))

        assert examples(records) == [Example(5.0, True, True, 0.25, 1.5, 13), Example(3.0, False, False, 0.25, 1.5, 13)]
        assert (records[0]["asked"], records[0]["named"], records[0]["best"]["confidence"]) == ("a.ogg", "a.ogg", 0.75)
