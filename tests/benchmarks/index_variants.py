"""Which index for fragments, and how far a search should look: `python -m tests.benchmarks.index_variants`.

Every variant finds the neighbours of the same recordings of 5 s in the same fragments, in songradar's own PostgreSQL;
songs are named from them by the later steps of `match_v1`, as in a search. Milliseconds are those of
finding neighbours alone; in the second table, of the whole of `match_v1`.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import psycopg
from pgvector import HalfVector

from songradar.cli.output import print_table, warn
from songradar.db import indexing
from tests import reach
from tests.benchmarks import reference
from tests.benchmarks.quiz import Quiz
from tests.benchmarks.server import Answer, Neighbours
from tests.benchmarks.setting import MUSIC, NOISE, QUERIES, RESPONSES, fill, prepared
from tests.reach import connect

K = 20
"""Neighbours that vote, of each query fragment, where indexes are compared: HNSW finds no more than its effort."""

SIGNS = "binary_quantize({e})::bit(64)"
CODE = "songradar.code_v1({e})::bit(192)"
WHOLE = "{e}"


@dataclass(frozen=True)
class Variant:
    """An index on `what` of an embedding {e}, compared by `operator`, and the efforts that its setting may take."""

    name: str
    method: str
    what: str
    operators: str
    operator: str
    options: str
    setting: str
    efforts: tuple[int, ...]
    looked_at: int

    def definition(self, table: str, lists: int) -> str:
        options = self.options.format(lists=lists)
        return (
            f"CREATE INDEX variant ON songradar.{table}"
            f" USING {self.method} (({self.what.format(e='embedding')}) {self.operators}) WITH ({options})"
        )

    def statement(self, table: str) -> str:
        stored, asked = (self.what.format(e=e) for e in ("f.embedding", "part.embedding"))
        return f"""
            SELECT part.number, near.*
              FROM unnest(%s::halfvec[]) WITH ORDINALITY AS part (embedding, number)
             CROSS JOIN LATERAL (
                   SELECT f.song_id, f.position, f.embedding <-> part.embedding AS distance
                     FROM songradar.{table} AS f
                    ORDER BY {stored} {self.operator} {asked}
                    LIMIT {self.looked_at}
                   ) AS near
             ORDER BY part.number, near.distance
        """


def ivfflat(name: str, what: str, operators: str, operator: str, looked_at: int) -> Variant:
    return Variant(
        name, "ivfflat", what, operators, operator, "lists = {lists}", "ivfflat.probes", (4, 8, 12, 16), looked_at
    )


BITS, HALF = ("bit_hamming_ops", "<~>"), ("halfvec_l2_ops", "<->")
VARIANTS = (
    ivfflat("IVFFlat, 192 bits", CODE, *BITS, 100),
    ivfflat("IVFFlat, 192 bits, 50 looked at", CODE, *BITS, 50),
    ivfflat("IVFFlat, 64 bits", SIGNS, *BITS, 100),
    ivfflat("IVFFlat, halfvec", WHOLE, *HALF, K),
    Variant("HNSW, 192 bits", "hnsw", CODE, *BITS, "m = 16", "hnsw.ef_search", (100, 200), 100),
    Variant("HNSW, halfvec, m 16", "hnsw", WHOLE, *HALF, "m = 16", "hnsw.ef_search", (20, 40, 100), K),
    Variant("HNSW, halfvec, m 8", "hnsw", WHOLE, *HALF, "m = 8", "hnsw.ef_search", (40, 100), K),
    Variant(
        "HNSW, halfvec, m 16, ef_construction 200", "hnsw", WHOLE, *HALF, "m = 16, ef_construction = 200",
        "hnsw.ef_search", (40,), K,
    ),
)  # fmt: skip

REACHES = (
    (80, 200, 120),
    (20, 200, 120),
    (40, 200, 120),
    (160, 200, 120),
    (80, 100, 120),
    (80, 400, 120),
    (80, 200, 40),
    (80, 200, 240),
)
"""Of a thorough look: neighbours that vote, of those looked at; places scored. The first are the defaults."""

REACH = "UPDATE songradar.encoders SET neighbours = %s, looked_at = %s, candidates = %s"

MATCH = """
    SELECT song_id, accepted
      FROM songradar.match_v1(%(encoder_id)s, %(query)s, %(offsets_s)s::real[], 1, songs => %(songs)s)
"""


@click.command()
@MUSIC
@NOISE
@RESPONSES
@click.option("--fragments", default=300_000, show_default=True, help="Size of the catalogue.")
@QUERIES
def main(music: tuple[Path, ...], noise: tuple[Path, ...], ir: tuple[Path, ...], fragments: int, per_cell: int) -> None:
    """Print what one index after the other costs and finds, and then what searches do that look further or less far."""
    with prepared(music, noise, ir, (5,), per_cell) as setting, connect() as connection:
        connection.execute("SET search_path = songradar, public")  # operators and their classes
        ((content, _),) = fill(setting.stored.id, setting.material, [fragments])
        quiz = Quiz.of(setting.stored.id, content, setting.asked)
        connection.execute("VACUUM (ANALYZE) songradar.fragments")
        best = quiz.right(quiz.exact(reference.exact(content.vectors), K), quiz.everything)
        rows = [("exact search", "", f"{np.mean(best):.1%}", "", "", "", "")]
        (index,) = indexing.indexes(connection)
        for variant in VARIANTS:
            for row in tried(connection, quiz, variant, index):
                rows.append(row)
                warn("  ".join(map(str, row)))
        connection.execute(Variant.definition(VARIANTS[0], index.table, 1).replace("variant", index.name, 1).encode())
        indexing.rebuild(reach.server(), index)
        reached = [searched(connection, quiz, far, None) for far in REACHES]
        reached += [searched(connection, quiz, REACHES[0], songs) for songs in choices_of_songs(quiz)]
    print_table(("index", "effort", "named right", "ms, median", "ms, 95 %", "bytes a fragment", "built in, s"), rows)
    print_table(("neighbours", "looked at", "places", "among", "named right", "ms, median", "ms, 95 %"), reached)


def tried(
    connection: psycopg.Connection, quiz: Quiz, variant: Variant, index: indexing.CodeIndex
) -> Iterator[tuple[str, ...]]:
    """A row for each effort."""
    memory = indexing.memory_for_building(connection, reach.server())
    connection.execute(f"SET maintenance_work_mem = '{memory // 1024}kB'".encode())
    connection.execute(f"DROP INDEX IF EXISTS songradar.{index.name}".encode())
    started = time.perf_counter()
    connection.execute(variant.definition(index.table, max(1, index.rows // indexing.ROWS_PER_LIST)).encode())
    build_s = time.perf_counter() - started
    row = connection.execute("SELECT pg_relation_size('songradar.variant')").fetchone()
    assert row is not None
    with connection.transaction():
        connection.execute("SET LOCAL jit = off; SET LOCAL enable_seqscan = off")
        for effort in variant.efforts:
            connection.execute(f"SET LOCAL {variant.setting} = {effort}".encode())
            found, ms = neighbours(connection, quiz, variant.statement(index.table))
            right = quiz.right(quiz.answers(found, quiz.everything), quiz.everything)
            costs = (f"{row[0] / len(quiz.content.vectors):.0f}", f"{build_s:.0f}")
            yield (variant.name, str(effort), *told(right, ms), *costs)
    connection.execute("DROP INDEX songradar.variant")


def neighbours(connection: psycopg.Connection, quiz: Quiz, statement: str) -> tuple[list[Neighbours], list[float]]:
    """The nearest K of those looked at, for each query, and how many milliseconds they took."""
    found, ms = [], []
    for parts, _ in quiz.parts:
        query = [HalfVector(part) for part in parts]
        started = time.perf_counter()
        rows = connection.execute(statement.encode(), [query]).fetchall()
        ms.append(1000 * (time.perf_counter() - started))
        table = np.array(rows).reshape(len(parts), -1, 4)[:, :K]
        found.append((table[:, :, 3], table[:, :, 1].astype(int), table[:, :, 2].astype(int)))
    return found, ms


def choices_of_songs(quiz: Quiz) -> Iterator[list[int]]:
    """The songs asked for with some others: few, which are read whole, more, and half the catalogue."""
    asked = set(quiz.songs)
    others = sorted(set(quiz.content.songs.tolist()) - asked)
    for n in (50, 200, (len(asked) + len(others)) // 2):
        yield [*asked, *others[: max(0, n - len(asked))]]


def searched(
    connection: psycopg.Connection, quiz: Quiz, reached: tuple[int, int, int], songs: list[int] | None
) -> tuple[str, ...]:
    """A row: what searches find that look so far, among some songs, and how long they take."""
    answers, ms = [], []
    connection.execute(REACH, reached)
    for question in quiz.questions:
        started = time.perf_counter()
        row = connection.execute(MATCH, question.parameters | {"songs": songs}).fetchone()
        ms.append(1000 * (time.perf_counter() - started))
        answers.append(Answer(*row) if row else Answer())
    among = f"{len(songs)} songs" if songs else "all"
    return (*map(str, reached), among, *told(quiz.right(answers, quiz.everything), ms))


def told(right: Sequence[bool], ms: Sequence[float]) -> tuple[str, str, str]:
    median, most = np.percentile(ms, [50, 95])
    return f"{np.mean(right):.1%}", f"{median:.1f}", f"{most:.1f}"


if __name__ == "__main__":
    main()
