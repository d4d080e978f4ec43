"""How often recordings are named rightly: outcomes of queries, counted."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songradar.ml.outcomes import Among, Outcome

N_BINS = 10
"""Bins of confidence."""

WITHOUT_MUSIC = ("noise alone", "talk alone")
"""What `noise_queries` calls its recordings."""

EVIDENCE = ("score", "coverage", "lead", "peak", "n_fragments", "confidence", "accepted")
"""What is kept of a first match."""


@dataclass(frozen=True)
class Score:
    """Counts of one condition and length. Queries too short for the encoder count, but are not searched."""

    condition: str
    seconds: float
    n_queries: int
    n_searched: int
    n_right: int
    n_right_accepted: int
    n_wrong_accepted: int


@dataclass(frozen=True)
class Summary:
    """What a user meets with recordings of one length, searched among all songs. Pairs are the median and the 95th
    percentile.

    `same_sound` is the share of right answers that name another place of the song that sounds the same. The offset
    errors are computed from the other right answers. `false_accepts` counts the recordings of what the catalogue does
    not hold that were named all the same, and all of these, by what they are.
    """

    seconds: float
    n_searched: int
    wrongly_named: float
    false_accepts: dict[str, tuple[int, int]]
    calibration_error: float
    same_sound: float
    offset_error_s: tuple[float, float]
    encode_ms: tuple[float, float]
    search_ms: tuple[float, float]


@dataclass(frozen=True)
class Bin:
    """Answers of about the same confidence: its mean, the share that is right, and their weight among all answers."""

    confidence: float
    right: float
    n_answers: int
    weight: float


@dataclass(frozen=True)
class Example:
    """A search to fit the confidence on: was the song there, was the first match right, and the evidence for that."""

    seconds: float
    is_present: bool
    is_right: bool
    lead: float
    peak: float
    n_fragments: int


@dataclass(frozen=True)
class CatalogueScore:
    """Counts of recordings searched in catalogues of some kind: of a song that is there, and of one that is not."""

    among: Among
    n_queries: int
    n_right_accepted: int
    n_absent: int
    n_false_accepts: int
    calibration_error: float


def as_record(outcome: Outcome) -> dict[str, Any]:
    """An outcome with its evidence, for JSON."""
    best = outcome.best
    return {
        "condition": outcome.query.condition,
        "seconds": outcome.query.seconds,
        "among": outcome.among,
        "is_present": bool(outcome.query.source),
        "is_right": outcome.right,
        "same_sound": outcome.same_sound,
        "offset_error_s": round(outcome.offset_error_s, 3) if outcome.right else None,
        "asked": Path(outcome.query.source).name,
        "named": best and Path(best.source).name,
        "best": best and {name: getattr(best, name) for name in EVIDENCE},
    }


def examples(records: Iterable[Mapping[str, Any]]) -> list[Example]:
    """What the confidence is fitted on: of outcomes as `as_record` gives them, those among all songs that found any."""
    return [
        Example(
            record["seconds"],
            record["is_present"],
            record["is_right"],
            *(record["best"][name] for name in ("lead", "peak", "n_fragments")),
        )
        for record in records
        if record["best"] and record["among"] in (Among.ALL, Among.OTHERS)
    ]


def scores(outcomes: Iterable[Outcome]) -> list[Score]:
    """One Score for each condition and length of recordings of songs that are there, in the order they appear in."""
    cells: dict[tuple[str, float], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.query.source and outcome.among == Among.ALL:
            cells[outcome.query.condition, outcome.query.seconds].append(outcome)
    return [
        Score(
            condition,
            seconds,
            n_queries=len(mine),
            n_searched=sum(outcome.answer is not None for outcome in mine),
            n_right=sum(outcome.right for outcome in mine),
            n_right_accepted=sum(outcome.right and outcome.accepted for outcome in mine),
            n_wrong_accepted=sum(outcome.accepted and not outcome.right for outcome in mine),
        )
        for (condition, seconds), mine in cells.items()
    ]


def among_all(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Those of searches among all songs, for songs that are there, for others, and with the own song taken out."""
    return [outcome for outcome in outcomes if outcome.among in (Among.ALL, Among.OTHERS)]


def summaries(outcomes: Iterable[Outcome]) -> list[Summary]:
    """One Summary for each length, shortest first."""
    by_length = defaultdict(list)
    for outcome in among_all(outcomes):
        by_length[outcome.query.seconds].append(outcome)
    return [_summary(length, by_length[length]) for length in sorted(by_length)]


def _summary(seconds: float, outcomes: Sequence[Outcome]) -> Summary:
    present = [outcome for outcome in outcomes if outcome.query.source and outcome.answer]
    right = [outcome for outcome in present if outcome.right]
    answers = [outcome.answer for outcome in outcomes if outcome.answer]
    return Summary(
        seconds,
        n_searched=len(answers),
        wrongly_named=sum(outcome.accepted and not outcome.right for outcome in present) / max(1, len(present)),
        false_accepts=_false_accepts(outcomes),
        calibration_error=calibration_error(outcomes),
        same_sound=sum(outcome.same_sound for outcome in right) / max(1, len(right)),
        offset_error_s=_median_and_p95([outcome.offset_error_s for outcome in right if not outcome.same_sound]),
        encode_ms=_median_and_p95([answer.encode_ms for answer in answers]),
        search_ms=_median_and_p95([answer.search_ms for answer in answers]),
    )


def _false_accepts(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, int]]:
    """(falsely named, all) of the recordings of what the catalogue does not hold, by what they are."""
    counts: dict[str, list[bool]] = defaultdict(list)
    for outcome in outcomes:
        if not outcome.query.source and outcome.answer:
            counts[_kind_of_stranger(outcome)].append(outcome.accepted)
    return {kind: (sum(accepted), len(accepted)) for kind, accepted in counts.items()}


def _kind_of_stranger(outcome: Outcome) -> str:
    if outcome.among == Among.OTHERS:
        return "its own song taken out"
    return outcome.query.condition if outcome.query.condition in WITHOUT_MUSIC else "absent song"


def catalogue_scores(outcomes: Sequence[Outcome]) -> list[CatalogueScore]:
    """One for each kind of catalogue that was searched."""
    found = []
    for among in (Among.ONE, Among.PAIR, Among.TEN, Among.TWINS, Among.ALL, Among.FILLED):
        mine = [o for o in outcomes if o.among == among] if among != Among.ALL else among_all(outcomes)
        present = [outcome for outcome in mine if outcome.query.source]
        absent = [outcome for outcome in mine if not outcome.query.source]
        if mine:
            n_right = sum(outcome.right and outcome.accepted for outcome in present)
            n_false = sum(outcome.accepted for outcome in absent)
            error = calibration_error(mine)
            found.append(CatalogueScore(among, len(present), n_right, len(absent), n_false, error))
    return found


def reliability(outcomes: Iterable[Outcome]) -> list[Bin]:
    """The answers by tenths of confidence, lowest first, without empty ones: a reliability diagram.

    Recordings of songs that are there and of others have the same weight in all, as the confidence assumes.
    """
    answered = [(outcome.best.confidence, outcome.right, bool(outcome.query.source)) for outcome in outcomes
                if outcome.best]  # fmt: skip
    if not answered:
        return []
    confidence, right, present = (np.array(column, float) for column in zip(*answered, strict=True))
    return bins(confidence, right, balanced(present.astype(bool)))


def bins(confidence: NDArray[np.float64], right: NDArray[np.float64], weight: NDArray[np.float64]) -> list[Bin]:
    """Answers by tenths of confidence, lowest first, without empty ones."""
    number = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    return [
        Bin(
            confidence=float(np.average(confidence[mine], weights=weight[mine])),
            right=float(np.average(right[mine], weights=weight[mine])),
            n_answers=int(mine.sum()),
            weight=float(weight[mine].sum() / weight.sum()),
        )
        for mine in (number == i for i in range(N_BINS))
        if mine.any()
    ]


def calibration_error(outcomes: Iterable[Outcome]) -> float:
    """Expected calibration error (Guo et al. 2017): how far confidences lie from the shares of right answers, a mean
    over the bins of `reliability`; 0 without answers.
    """
    return mean_gap(reliability(outcomes))


def mean_gap(found: Iterable[Bin]) -> float:
    """How far the confidences of bins lie from their shares of right answers."""
    return sum((each.weight * abs(each.confidence - each.right) for each in found), start=0.0)


def balanced(present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights (N,) with which songs that are there and strangers count the same in all; their mean is 1."""
    share = np.mean(present)
    if share in (0, 1):
        return np.ones(len(present))
    return np.where(present, 0.5 / share, 0.5 / (1 - share))


def _median_and_p95(values: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile; zeros where there are no values."""
    middle, most = np.quantile(values, [0.5, 0.95]).tolist() if values else (0.0, 0.0)
    return middle, most


def wilson_interval(n_hits: float, n: int) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson 1927); stays within 0..1 and is reliable near 0 and 1.

    >>> [round(bound, 3) for bound in wilson_interval(100, 100)]
    [0.963, 1.0]
    """
    if not n:
        return 0.0, 1.0
    z, share = 1.96, n_hits / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + z * z / n)), min(1.0, (centre + spread) / (1 + z * z / n))
