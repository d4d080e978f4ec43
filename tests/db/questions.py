"""Questions of the toy encoder, and weights to judge their answers by."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from songradar.db import search
from tests.db.rows import active_encoder_id
from tests.reach import connect

HOP_S, QUERY_HOP_S = 0.5, 0.25  # the toy encoder's
WEIGHTS = {"fragments": [1, 16], "intercept": [-4.0, -2.0], "lead": [8.0, 16.0], "peak": [1.0, 3.0],
           "threshold": [0.9, 0.7]}  # fmt: skip


def question(query: NDArray[np.float32], offsets_s: ArrayLike | None = None, **options: Any) -> search.Question:
    """Who is that? (F, 64) fragments of a recording at (F,) seconds [every HOP_S]."""
    offsets_s = HOP_S * np.arange(len(query)) if offsets_s is None else offsets_s
    return search.Question(active_encoder_id(), query, np.asarray(offsets_s, np.float32), **options)


def find(query: NDArray[np.float32], offsets_s: ArrayLike | None = None, **options: Any) -> list[search.Match]:
    """The answer to `question`."""
    with connect() as connection:
        return search.find_matches(connection, question(query, offsets_s, **options))


def judge_by(weights: Mapping[str, Sequence[float]]) -> None:
    """Compute confidence with these weights from now on."""
    with connect() as connection:
        connection.execute("UPDATE songradar.encoders SET calibration = %s", [json.dumps(weights)])
