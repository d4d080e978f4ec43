"""Which index for fragments: `python -m tests.benchmarks.index_variants`.

Every variant finds the neighbours of the same recordings of 5 s in the same fragments, in songradar's own PostgreSQL;
songs are named from them by `score_candidates`, as in a search. Milliseconds are those of finding neighbours alone.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import psycopg
from pgvector import HalfVector

from cli.output import print_table, warn
from db import indexing
from db.engine import connect
from tests.benchmarks import reference
from tests.benchmarks.quiz import Quiz
from tests.benchmarks.reference import K
from tests.benchmarks.server import Neighbours
from tests.benchmarks.setting import MUSIC, NOISE, RESPONSES, fill, prepared

SIGNS = "binary_quantize({e})::bit(64)"
CODE = "songradar.code({e})::bit(192)"
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
        name, "ivfflat", what, operators, operator, "lists = {lists}", "ivfflat.probes", (4, 8, 16), looked_at
    )


BITS, HALF = ("bit_hamming_ops", "<~>"), ("halfvec_l2_ops", "<->")
VARIANTS = (
    ivfflat("IVFFlat, 192 bits", CODE, *BITS, 50),
    ivfflat("IVFFlat, 192 bits, 100 looked at", CODE, *BITS, 100),
    ivfflat("IVFFlat, 64 bits", SIGNS, *BITS, 50),
    ivfflat("IVFFlat, halfvec", WHOLE, *HALF, K),
    Variant("HNSW, 192 bits", "hnsw", CODE, *BITS, "m = 16", "hnsw.ef_search", (50, 100), 50),
    Variant("HNSW, halfvec, m 16", "hnsw", WHOLE, *HALF, "m = 16", "hnsw.ef_search", (20, 40, 100), K),
    Variant("HNSW, halfvec, m 8", "hnsw", WHOLE, *HALF, "m = 8", "hnsw.ef_search", (40, 100), K),
    Variant(
        "HNSW, halfvec, m 16, ef_construction 200", "hnsw", WHOLE, *HALF, "m = 16, ef_construction = 200",
        "hnsw.ef_search", (40,), K,
    ),
)  # fmt: skip


@click.command()
@MUSIC
@NOISE
@RESPONSES
@click.option("--fragments", default=300_000, show_default=True, help="Size of the catalogue.")
@click.option("--queries", "per_cell", default=30, show_default=True, help="Queries of each condition.")
def main(music: tuple[Path, ...], noise: tuple[Path, ...], ir: tuple[Path, ...], fragments: int, per_cell: int) -> None:
    """Build one index after the other, and print what each costs and finds."""
    with prepared(music, noise, ir, (5,), per_cell) as setting, connect() as connection:
        ((content, _),) = fill(setting.stored.id, setting.material, [fragments])
        quiz = Quiz.of(setting.stored.id, content, setting.asked)
        connection.execute("VACUUM (ANALYZE) songradar.fragments")
        best = quiz.right(quiz.exact(reference.exact(content.vectors)), quiz.everything)
        rows = [("exact search", "", f"{np.mean(best):.1%}", "", "", "", "")]
        for variant in VARIANTS:
            for row in tried(connection, quiz, variant, indexing.indexes(connection)[0]):
                rows.append(row)
                warn("  ".join(map(str, row)))
    print_table(("index", "effort", "named right", "ms, median", "ms, 95 %", "bytes a fragment", "built in, s"), rows)


def tried(
    connection: psycopg.Connection, quiz: Quiz, variant: Variant, index: indexing.CodeIndex
) -> Iterator[tuple[str, ...]]:
    """A row for each effort."""
    memory = indexing.memory_for_building(connection)
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
            rate, (median, most) = np.mean(right), np.percentile(ms, [50, 95])
            costs = (f"{row[0] / len(quiz.content.vectors):.0f}", f"{build_s:.0f}")
            yield (variant.name, str(effort), f"{rate:.1%}", f"{median:.1f}", f"{most:.1f}", *costs)
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


if __name__ == "__main__":
    main()
