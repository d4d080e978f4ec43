"""Recordings to name, and who is right: one measure for every way of finding neighbours."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from songradar.db.search import Question
from tests.benchmarks import reference, server
from tests.benchmarks.catalogue import Asked
from tests.benchmarks.reference import K
from tests.benchmarks.server import Answer, Neighbours, Parts
from tests.benchmarks.setting import Stored
from tests.reach import connect


@dataclass(frozen=True)
class Quiz:
    """Queries, with what is stored and the catalogue's numbers of the songs that they are pieces of.

    `parts` are their fragments as the search compares them.
    """

    content: Stored
    asked: Sequence[Asked]
    questions: Sequence[Question]
    songs: Sequence[int]
    parts: Sequence[Parts]

    @classmethod
    def of(cls, encoder_id: int, content: Stored, asked: Sequence[Asked]) -> "Quiz":
        """Of the songs that the catalogue holds now."""
        numbers = server.song_ids()
        questions = [Question(encoder_id, a.fingerprint.embeddings, a.fingerprint.offsets_s) for a in asked]
        with connect() as connection:
            parts = [server.parts(connection, question) for question in questions]
        return cls(content, asked, questions, [numbers[a.song] for a in asked], parts)

    @property
    def everything(self) -> range:
        """The numbers of all queries."""
        return range(len(self.asked))

    def of_length(self, seconds: float, condition: str | None = None) -> list[int]:
        """Numbers of the queries so long, under one condition [any]."""
        return [
            number
            for number, asked in enumerate(self.asked)
            if asked.seconds == seconds and condition in (None, asked.condition)
        ]

    def answers(self, found: Sequence[Neighbours], numbers: Sequence[int]) -> list[Answer]:
        """What neighbours found elsewhere lead to, for each of these queries."""
        with connect() as connection:
            return [
                server.named(connection, self.questions[number].encoder_id, self.parts[number], neighbours)
                for number, neighbours in zip(numbers, found, strict=True)
            ]

    def right(self, answers: Sequence[Answer], numbers: Sequence[int], *, accepted: bool = False) -> list[bool]:
        """Whether each answer, to the query of that number, names its song, and is accepted."""
        return [
            answer.song == self.songs[number] and (answer.accepted or not accepted)
            for answer, number in zip(answers, numbers, strict=True)
        ]

    def exact(self, index: reference.Reference, k: int = K) -> list[Answer]:
        """The answers to all queries by an index that is exact; looked up together, which is quickest.

        `k` is the number of neighbours of each fragment that vote.
        """
        parts = [parts for parts, _ in self.parts]
        edges = list(itertools.accumulate(map(len, parts), initial=0))
        distances, rows = index.search(np.concatenate(parts), k)
        found = [self.stored(distances[a:b], rows[a:b]) for a, b in itertools.pairwise(edges)]
        return self.answers(found, self.everything)

    def stored(self, distances: reference.Vectors, rows: reference.Rows) -> Neighbours:
        """The songs and positions of rows of `content`."""
        return distances, self.content.songs[rows], self.content.positions[rows]
