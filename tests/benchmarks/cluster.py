"""Three shards against one database with all of their songs: `python -m tests.benchmarks.cluster`.

All four are databases of one embedded PostgreSQL, and the proxy is beside it, so one machine does all the work: what
the table tells is what merging costs and whether the answers are the same. Machines of their own would share the work.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import psycopg

from songradar.cli.output import print_table, warn
from songradar.db import embedded, indexing, schema
from songradar.db.connection import Server, connect
from songradar.db.encoders import NewEncoder, add_encoder
from songradar.db.moving import copy_songs
from songradar.db.search import Question
from songradar.ml.package import read_shipped
from tests import reach
from tests.benchmarks import server
from tests.benchmarks.server import Answer
from tests.benchmarks.setting import MUSIC, NOISE, QUERIES, RESPONSES, Setting, fill, prepared
from tests.db import clusters

SECONDS = (2.0, 5.0, 10.0)
N_SHARDS = 3
CONNECTIONS = (1, 4)
BATCH = 200
"""Songs that are copied to a shard at a time."""


@dataclass(frozen=True)
class Asked:
    """One way of asking: what was answered, in how many milliseconds, and how many searches a second."""

    answers: list[Answer]
    ms: list[float]
    rates: list[float]


@click.command()
@click.option("--fragments", default=1_000_000, show_default=True, help="Fragments of each shard.")
@MUSIC
@NOISE
@RESPONSES
@QUERIES
@click.option("--load-seconds", default=10.0, show_default=True, help="How long so many connections ask.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the numbers here, too.")
def main(
    fragments: int,
    music: tuple[Path, ...],
    noise: tuple[Path, ...],
    ir: tuple[Path, ...],
    per_cell: int,
    load_seconds: float,
    json_path: Path | None,
) -> None:
    """Measure latencies, throughput and agreement, and print a table."""
    with prepared(music, noise, ir, SECONDS, per_cell) as setting:
        one = reach.server()
        ((content, _),) = fill(setting.stored.id, setting.material, [N_SHARDS * fragments])
        build(one, setting.stored.name)
        with cluster_beside(one, setting) as (proxy, shards):
            for shard in shards:
                build(shard, setting.stored.name)
            numbers = server.song_ids()
            questions = [Question(setting.stored.id, a.fingerprint.embeddings, a.fingerprint.offsets_s)
                         for a in setting.asked]  # fmt: skip
            songs = [numbers[asked.song] for asked in setting.asked]
            found = {}
            for name, at in (("one", one), ("cluster", proxy)):
                with reach.pointed_at(at):
                    found[name] = ask(questions, load_seconds)
                warn(f"{name}: median {np.median(found[name].ms):.1f} ms")
    table = compare(found["one"], found["cluster"], setting, songs)
    print_table(["", f"one, {len(content.vectors):,}", f"{N_SHARDS} shards, {fragments:,} each"], table)
    if json_path:
        json_path.write_text(json.dumps(table, indent=1) + "\n")


@contextmanager
def cluster_beside(one: Server, setting: Setting) -> Iterator[tuple[Server, list[Server]]]:
    """A proxy and shards that have the songs of `one` under the same numbers, a third each."""
    assert one.folder is not None
    hba = one.folder / "postgres" / "pg_hba.conf"
    hba.write_text(f"local all {embedded.SUPERUSER} trust\n{hba.read_text()}")
    with psycopg.connect(one.url, autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
    owner = hba.stat().st_uid
    with ExitStack() as stack:
        urls = [stack.enter_context(clusters.database_of(one.url, f"shard_{i}")) for i in range(N_SHARDS)]
        for url in urls:
            schema.upgrade(Server(url))
        proxy = clusters.make_proxy(stack.enter_context(clusters.proxy_server(owner)), urls)
        with clusters.engine_of(proxy) as engine:
            add_encoder(engine, NewEncoder(**vars(read_shipped())))
        share(one, urls)
        yield proxy, [Server(url) for url in urls]


def share(one: Server, urls: Sequence[str]) -> None:
    """Copy the songs of the one database to the shards."""
    with connect(one) as source:
        numbers = [number for (number,) in source.execute("SELECT id FROM songradar.songs ORDER BY id")]
        for place, url in enumerate(urls):
            with connect(Server(url)) as shard:
                here = numbers[place :: len(urls)]
                for start in range(0, len(here), BATCH):
                    copy_songs(source, shard, here[start : start + BATCH])


def build(at: Server, encoder: str) -> None:
    """Tidy the fragments and build their index."""
    with connect(at) as connection:
        connection.execute("VACUUM (ANALYZE) songradar.fragments")
        (index,) = indexing.indexes(connection, encoder)
    indexing.rebuild(at, index)


def ask(questions: Sequence[Question], load_seconds: float) -> Asked:
    answers, ms = server.ask_all(questions)
    fives = [question for question in questions if question.offsets_s[-1] < 6]
    return Asked(answers, ms, [server.rate(fives, n, load_seconds) for n in CONNECTIONS])


def compare(one: Asked, cluster: Asked, setting: Setting, songs: Sequence[int]) -> list[list[Any]]:
    """The table's rows."""
    rows = []
    for seconds in SECONDS:
        chosen = [number for number, asked in enumerate(setting.asked) if asked.seconds == seconds]
        cells = [percentiles([found.ms[number] for number in chosen]) for found in (one, cluster)]
        rows.append([f"{seconds:.0f} s: ms, median, 95 %, 99 %", *cells])
    for place, n in enumerate(CONNECTIONS):
        rows.append([f"5 s or less: searches/s, {n} connections", *(f"{f.rates[place]:.0f}" for f in (one, cluster))])
    pairs = list(zip(one.answers, cluster.answers, strict=True))
    for name, only in (("named right", False), ("named right and accepted", True)):
        rows.append([name, *(f"{share_of_right(found.answers, songs, accepted=only):.1%}" for found in (one, cluster))])
    rows.append(["the same song, and accepted or not", "", f"{np.mean([a == b for a, b in pairs]):.1%}"])
    return rows


def share_of_right(answers: Sequence[Answer], songs: Sequence[int], *, accepted: bool) -> float:
    """The share of answers that name the right one of `songs`, and are accepted."""
    right = [a.song == song and (a.accepted or not accepted) for a, song in zip(answers, songs, strict=True)]
    return float(np.mean(right))


def percentiles(ms: Sequence[float]) -> str:
    return ", ".join(f"{float(f'{value:.3g}'):g}" for value in np.percentile(ms, [50, 95, 99]))


if __name__ == "__main__":
    main()
