"""What is measured of songradar's own PostgreSQL: loading, building, answering warm, cold and to many at once."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import psutil
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector

from songradar.db import embedded, indexing
from songradar.db.search import Question, find_matches
from songradar.db.store import NewSong, add_song
from tests import reach
from tests.db.servers import postmaster
from tests.reach import connect

SCORE = """
    SELECT ranked.song_id, ranked.accepted
      FROM (SELECT array_agg(ROW(u.number, u.offset_s, u.embedding)::songradar.query_fragment_v1 ORDER BY u.number)
                       AS fragments
              FROM unnest(%(query)s, %(offsets_s)s::float8[]) WITH ORDINALITY AS u (embedding, offset_s, number)
           ) AS recording
     CROSS JOIN (SELECT array_agg(ROW(n.number, n.song, n.position, n.distance, true)::songradar.neighbour_v1)
                            AS neighbours
                   FROM unnest(%(numbers)s::integer[], %(songs)s::integer[], %(positions)s::integer[],
                               %(distances)s::float8[]) AS n (number, song, position, distance)) AS found
     CROSS JOIN (SELECT array_agg(last.similarity ORDER BY last.number) AS similarities
                   FROM (SELECT n.number, min(1 - n.distance ^ 2 / 2) AS similarity
                           FROM unnest(%(numbers)s::integer[], %(distances)s::float8[], %(ranks)s::integer[])
                                AS n (number, distance, rank)
                          WHERE n.rank <= 20
                          GROUP BY n.number) AS last) AS reached
     CROSS JOIN LATERAL (SELECT array_agg(v) AS places
                           FROM songradar.vote_v1(%(encoder)s, fragments, neighbours, 120, NULL) AS v) AS voted
     CROSS JOIN LATERAL (SELECT array_agg(s) AS places
                           FROM songradar.score_places_v1(%(encoder)s, fragments, voted.places, 11) AS s) AS shortlist
     CROSS JOIN LATERAL (SELECT array_agg(a) AS songs
                           FROM songradar.align_v1(%(encoder)s, fragments, neighbours, shortlist.places) AS a
                        ) AS aligned
     CROSS JOIN LATERAL songradar.rank_v1(
           %(encoder)s, fragments, aligned.songs, reached.similarities, NULL, 1) AS ranked
"""
PARTS = """
    SELECT embedding, offset_s
      FROM songradar.query_fragments_v1(%(encoder_id)s, %(query)s, %(offsets_s)s::real[])
     ORDER BY number
"""


def load(connection: psycopg.Connection, encoder_id: int, number: int, embeddings: NDArray[np.float32]) -> None:
    """Song `number` by the way that ingestion takes: one transaction."""
    title = f"song {number}"
    digest = sha256(title.encode()).digest()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    row = NewSong(
        source=title, host="benchmark", size_bytes=1, modified_at=now, sha256=digest, title=title, artist=None,
        album=None, duration_s=float(len(embeddings)),
    )  # fmt: skip
    add_song(connection, row, encoder_id, np.arange(len(embeddings), dtype=np.int32), embeddings)


def song_ids() -> dict[int, int]:
    """The catalogue's number of each song that `load` was given."""
    with connect() as connection:
        rows = connection.execute("SELECT title, song_id FROM songradar.songs_v1")
        return {int(title.removeprefix("song ")): song_id for title, song_id in rows}


def build(encoder: str) -> tuple[float, int, int]:
    """Tidy the fragments and build their index; (seconds, most bytes of memory the server took, lists)."""
    with connect() as connection:
        connection.execute("VACUUM (ANALYZE) songradar.fragments")
        (index,) = indexing.indexes(connection, encoder)
    started = time.perf_counter()
    with peak_memory() as peak:
        lists = indexing.rebuild(reach.server(), index)
    return time.perf_counter() - started, peak(), lists


@contextmanager
def peak_memory() -> Iterator[Callable[[], int]]:
    """The most private memory that all processes of the embedded server took together, above what they had."""
    before = private_bytes()
    seen, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            seen.append(private_bytes() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: max(seen)
    finally:
        over.set()
        thread.join()


def home() -> Path:
    """The folder of the embedded server."""
    folder = reach.server().folder
    assert folder is not None
    return folder


def private_bytes() -> int:
    """Memory of the embedded server's processes that they do not share."""
    server = psutil.Process(postmaster(home()))
    total = 0
    for process in [server, *server.children()]:
        try:
            memory = process.memory_info()
        except psutil.NoSuchProcess:
            continue
        total += memory.rss - memory.shared
    return total


def sizes(encoder_id: int) -> dict[str, int]:
    """Bytes of the fragments' heap, their primary key, and the index of codes."""
    table = f"songradar.fragments_{encoder_id}"
    with connect() as connection:
        row = connection.execute(
            "SELECT pg_table_size(%s), pg_relation_size(%s), pg_relation_size(%s)",
            [table, f"{table}_pkey", f"{table}_code_idx"],
        ).fetchone()
    assert row is not None
    return dict(zip(("heap", "primary key", "index"), row, strict=True))


Parts = tuple[NDArray[np.float32], list[float]]
"""A query's fragments, (F, 64), and where each starts, in seconds."""

Neighbours = tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]
"""Distances, songs and positions of the stored fragments nearest to each of a query's, (F, k) each."""


@dataclass(frozen=True)
class Answer:
    """The song named first, and whether it is accepted; None where there is no song."""

    song: int | None = None
    accepted: bool = False


def ask(connection: psycopg.Connection, question: Question) -> tuple[Answer, float]:
    """The answer and the milliseconds it took."""
    started = time.perf_counter()
    matches = find_matches(connection, question)
    ms = 1000 * (time.perf_counter() - started)
    return (Answer(matches[0].song_id, matches[0].accepted) if matches else Answer()), ms


def ask_all(questions: Sequence[Question]) -> tuple[list[Answer], list[float]]:
    """Answers and milliseconds, one after the other on one warm connection."""
    with connect() as connection:
        for question in questions[:10]:
            ask(connection, question)
        answers = [ask(connection, question) for question in questions]
    return [answer for answer, _ in answers], [ms for _, ms in answers]


def answered_at_first(questions: Sequence[Question]) -> list[bool]:
    """Whether match_v1's first look answered each of them, which it tells in a debugging message."""
    said: list[str] = []
    found = []
    with connect() as connection:
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        connection.execute("SET client_min_messages = debug1")
        for question in questions:
            said.clear()
            ask(connection, question)
            found.append("match_v1: the first look answered" in said)
    return found


def ask_cold(question: Question) -> float:
    """Milliseconds of a search right after the server started, its files forgotten by the operating system, too."""
    folder = home()
    embedded.stop(folder)
    for path in (folder / "postgres").rglob("*"):
        if path.is_file():
            forget(path)
    with connect() as connection:
        return ask(connection, question)[1]


def forget(path: Path) -> None:
    """Ask the operating system to drop a file from its cache."""
    if not hasattr(os, "posix_fadvise"):
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


@contextmanager
def connected() -> Iterator[Callable[[Question], object]]:
    """Asks on a connection of its own."""
    with connect() as connection:
        yield partial(ask, connection)


def rate(
    questions: Sequence[Question],
    n_connections: int,
    seconds: float,
    asking: Callable[[], AbstractContextManager[Callable[[Question], object]]] = connected,
) -> float:
    """Searches a second that so many threads get through, each of which is `asking` one question after the other."""
    until = time.perf_counter() + seconds

    def keep_asking(first: int) -> int:
        done = 0
        with asking() as ask_one:
            while time.perf_counter() < until:
                ask_one(questions[(first + done) % len(questions)])
                done += 1
        return done

    started = time.perf_counter()
    with ThreadPoolExecutor(n_connections) as threads:
        done = sum(threads.map(keep_asking, range(0, 7 * n_connections, 7)))
    return done / (time.perf_counter() - started)


def parts(connection: psycopg.Connection, question: Question) -> Parts:
    """A query's fragments as they are compared with stored ones, and where each starts."""
    rows = connection.execute(PARTS, question.parameters).fetchall()
    return np.array([embedding.to_numpy() for embedding, _ in rows], np.float32), [offset_s for _, offset_s in rows]


def named(
    connection: psycopg.Connection,
    encoder_id: int,
    query: Parts,
    neighbours: Neighbours,
) -> Answer:
    """What neighbours found elsewhere lead to."""
    distances, owners, positions = neighbours
    numbers = np.repeat(np.arange(1, len(distances) + 1), distances.shape[1])
    arguments = {
        "encoder": encoder_id,
        "query": [HalfVector(part) for part in query[0]],
        "offsets_s": query[1],
        "numbers": numbers.tolist(),
        "ranks": np.tile(np.arange(1, distances.shape[1] + 1), len(distances)).tolist(),
        "songs": owners.ravel().tolist(),
        "positions": positions.ravel().tolist(),
        "distances": distances.ravel().tolist(),
    }
    row = connection.execute(SCORE, arguments).fetchone()
    return Answer(*row) if row else Answer()
