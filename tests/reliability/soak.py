"""Everything at once for long: `python -m tests.reliability.soak --help`."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import psutil

from songradar import encoders
from songradar.catalogue import Catalogue
from songradar.cli.output import print_table, warn
from songradar.db import indexing, search, store
from songradar.db.connection import POOL_SIZE
from songradar.db.search import Question
from songradar.filler import store_made
from songradar.ingest import IngestOptions, ingest
from songradar.scan import ScanOptions, scan
from tests.db.rows import unit_vectors
from tests.reliability.audit import Asked
from tests.reliability.house import House, house
from tests.reliability.jobs import N_SONGS, prepare

SONG_FRAGMENTS = 400
"""Fragments of a song that is made of random embeddings: three to four minutes of music."""

SEARCHED_EVERY_S, CHANGED_EVERY_S, UPKEPT_EVERY_S = 0.2, 1.0, 5.0
"""Pauses between searches, between songs that come and go, and between re-encodings, scans and rebuildings."""

N_MEASURED = 50
N_PARTS = 4
"""How often memory is looked at meanwhile: it grows at first, as every connection fills its caches."""

SERVER_MB, CONNECTION_MB = 50, 50
"""Memory that the server may have, and for each connection, which keeps what it has learnt of tables and plans.

While an index is rebuilt, that takes more, by the square of its lists, and is told apart.
"""

GROWN = 1.5
"""How many times as large our own memory and the bytes of a fragment may become."""

SIZES = """
    SELECT (SELECT count(*) FROM songradar.fragments),
           (SELECT sum(pg_table_size(c.oid)) FROM pg_class AS c
             WHERE c.relkind = 'r' AND c.relnamespace = 'songradar'::regnamespace),
           (SELECT sum(pg_relation_size(c.oid)) FROM pg_class AS c
             WHERE c.relkind = 'i' AND c.relnamespace = 'songradar'::regnamespace),
           (SELECT sum(t.n_dead_tup) FROM pg_stat_user_tables AS t WHERE t.schemaname = 'songradar'),
           (SELECT count(*) FROM pg_stat_activity AS a WHERE a.datname = current_database())
"""


@dataclass(frozen=True)
class Memory:
    """Bytes that processes do not share: of the server's, of that of them which rebuilds an index, and of our own."""

    server_bytes: int
    rebuilding_bytes: int
    own_bytes: int


@dataclass(frozen=True)
class Reading:
    """How things stand."""

    fragments: int
    table_bytes: int
    index_bytes: int
    dead_rows: int
    connections: int
    memory: Memory
    search_ms: tuple[float, float, float]


@dataclass
class Tally:
    """What was done, what went wrong, and the memory at the end of each part of the time."""

    done: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)


@click.command()
@click.option("--minutes", default=30.0, show_default=True, help="How long.")
@click.option("--fragments", default=1_000_000, show_default=True, help="Size of the catalogue.")
@click.option("--seed", default=1, show_default=True, help="Draws the songs.")
def main(minutes: float, fragments: int, seed: int) -> None:
    """Ingest, search, remove, re-encode, scan and rebuild the index together; print what became of it."""
    with house() as built:
        asked = prepare(built, seed, {"two"})
        built.restore("two")
        with built.catalogue() as catalogue:
            fill(catalogue, fragments)
            before = reading(built, catalogue, asked)
            tally = under_load(built, catalogue, asked, 60 * minutes)
            after = reading(built, catalogue, asked)
    print_readings(before, after, tally, minutes)
    for error, n in Counter(tally.errors).most_common():
        warn(f"{n} x {error}")
    for bound in beyond_bounds(before, after, tally):
        warn(bound)
    raise SystemExit(1 if tally.errors or beyond_bounds(before, after, tally) else 0)


def fill(catalogue: Catalogue, n_fragments: int) -> None:
    with catalogue.connection() as connection:
        for number in range(n_fragments // SONG_FRAGMENTS):
            add_made(catalogue, number)
        (index,) = indexing.indexes(connection, "toy")
    indexing.rebuild(catalogue.server, index)


def add_made(catalogue: Catalogue, number: int) -> None:
    places = np.arange(SONG_FRAGMENTS, dtype=np.int32)
    with catalogue.connection() as connection:
        store_made(connection, catalogue.encoder(), f"made {number}", places, unit_vectors(SONG_FRAGMENTS, number))


def under_load(built: House, catalogue: Catalogue, asked: Asked, seconds: float) -> Tally:
    """Everything at once, each kind of work in a thread."""
    tally, over = Tally(), threading.Event()

    def again_and_again(name: str, work: Callable[[int], None], pause_s: float) -> None:
        number = 0
        while not over.is_set():
            try:
                work(number)
                tally.done[name] += 1
            except Exception as error:
                tally.errors.append(f"{name}: {type(error).__name__}: {error}")
            number += 1
            over.wait(pause_s)

    kinds = Work(built, catalogue, asked).kinds()
    threads = [threading.Thread(target=again_and_again, args=(name, *kind)) for name, kind in kinds.items()]
    for thread in threads:
        thread.start()
    for _ in range(N_PARTS):
        over.wait(seconds / N_PARTS)
        tally.memory.append(memory(built))
    over.set()
    for thread in threads:
        thread.join()
    return tally


@dataclass
class Work:
    """What goes on at once. Each kind is told how often it was done before."""

    built: House
    catalogue: Catalogue
    asked: Asked
    n_removed: int = 0

    def kinds(self) -> dict[str, tuple[Callable[[int], None], float]]:
        return {
            "searches": (self.search, SEARCHED_EVERY_S),
            "songs added and removed": (self.change, CHANGED_EVERY_S),
            "ingestions": (self.ingest, UPKEPT_EVERY_S),
            "re-encodings": (self.reencode, UPKEPT_EVERY_S),
            "scans": (self.scan, UPKEPT_EVERY_S),
            "indexes rebuilt": (self.rebuild, UPKEPT_EVERY_S),
        }

    def search(self, number: int) -> None:
        with self.catalogue.connection() as connection:
            encoder = search.read_encoder(connection, "toy")
            heard = self.asked["toy"][number % len(self.asked["toy"])]
            best = search.find_matches(connection, Question(encoder.id, heard.embeddings, heard.offsets_s))
            search.save_search(connection, "soak", heard.duration_s, encoder.id, {}, best)

    def change(self, number: int) -> None:
        add_made(self.catalogue, 10**6 + number)
        self._remove(f"made {10**6 + number}")

    def ingest(self, number: int) -> None:
        self.n_removed += 1
        self._remove(f"kept {number % N_SONGS:02}")
        outcomes = list(ingest(self.catalogue, self.built.songs / "kept", IngestOptions(workers=1)))
        failed = [f"{one.source}: {one.reason}" for one in outcomes if one.outcome == "failed"]
        if failed:
            raise RuntimeError("; ".join(failed))

    def reencode(self, number: int) -> None:
        for outcome in encoders.reencode(self.catalogue, "other", workers=1):
            if outcome.outcome == "failed":
                raise RuntimeError(f"{outcome.source}: {outcome.reason}")

    def scan(self, number: int) -> None:
        n_before = self.n_removed
        played = scan(self.catalogue, mix(self.built), ScanOptions(encoder="toy"))
        titles = {play.title for play in played if play.title}
        n_away = self.n_removed - n_before + 1  # meanwhile, and at the beginning
        if len(titles) < N_SONGS - n_away:
            raise RuntimeError(f"named {len(titles)} of {N_SONGS} songs, of which {n_away} were away for a moment")

    def rebuild(self, number: int) -> None:
        with self.catalogue.connection() as connection:
            (index,) = indexing.indexes(connection, "toy")
        indexing.tidy(self.catalogue.server, index)

    def _remove(self, title: str) -> None:
        with self.catalogue.connection() as connection:
            row = connection.execute("SELECT id FROM songradar.songs WHERE title = %s", [title]).fetchone()
            if row is not None:
                store.remove_songs(connection, [row[0]])


def mix(built: House) -> Path:
    return built.songs.parent / "mix.wav"


def reading(built: House, catalogue: Catalogue, asked: Asked) -> Reading:
    took = []
    with catalogue.connection() as connection:
        encoder = search.read_encoder(connection, "toy")
        for heard in asked["toy"][:N_MEASURED]:
            started = time.perf_counter()
            search.find_matches(connection, Question(encoder.id, heard.embeddings, heard.offsets_s))
            took.append(1000 * (time.perf_counter() - started))
        row = connection.execute(SIZES).fetchone()
    assert row is not None
    return Reading(*map(int, row), memory(built), tuple(np.percentile(took, [50, 95, 100])))


def memory(built: House) -> Memory:
    postmaster = psutil.Process(built.postmaster)
    processes = {postmaster, *postmaster.children()}
    rebuilding = {process for process in processes if "REINDEX" in title(process)}
    others = processes - rebuilding
    return Memory(sum(map(private, others)), sum(map(private, rebuilding)), private(psutil.Process()))


def title(process: psutil.Process) -> str:
    """What a process of PostgreSQL says that it does."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def private(process: psutil.Process) -> int:
    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0
    return int(memory.rss - memory.shared)


def beyond_bounds(before: Reading, after: Reading, tally: Tally) -> list[str]:
    """What has grown more than it may."""
    connections_mb = SERVER_MB + CONNECTION_MB * after.connections
    sizes = [(each.table_bytes + each.index_bytes) / each.fragments for each in (before, after)]
    bounds = {
        f"more than {POOL_SIZE} connections and those of upkeep": after.connections > POOL_SIZE + 2,
        f"more than {connections_mb} MB of the server's": tally.memory[-1].server_bytes > 1e6 * connections_mb,
        f"our own memory is {GROWN} times as large": after.memory.own_bytes > GROWN * tally.memory[0].own_bytes,
        f"a fragment takes {GROWN} times as much space": sizes[1] > GROWN * sizes[0],
    }
    return [what for what, is_so in bounds.items() if is_so]


def print_readings(before: Reading, after: Reading, tally: Tally, minutes: float) -> None:
    def both(show: Callable[[Reading], str]) -> tuple[str, str]:
        return show(before), show(after)

    rows = [
        ("fragments", *both(lambda r: f"{r.fragments:,}")),
        ("tables, MB", *both(lambda r: f"{r.table_bytes / 1e6:.1f}")),
        ("indexes, MB", *both(lambda r: f"{r.index_bytes / 1e6:.1f}")),
        ("dead rows", *both(lambda r: f"{r.dead_rows:,}")),
        ("connections", *both(lambda r: f"{r.connections}")),
        ("memory of the server, MB", *both(lambda r: f"{r.memory.server_bytes / 1e6:.0f}")),
        ("at each quarter", "", each_mb([each.server_bytes for each in tally.memory])),
        ("and what rebuilt the index then", "", each_mb([each.rebuilding_bytes for each in tally.memory])),
        ("memory of songradar, MB", *both(lambda r: f"{r.memory.own_bytes / 1e6:.0f}")),
        ("at each quarter", "", each_mb([each.own_bytes for each in tally.memory])),
        ("a search, ms, median, 95 %, longest", *both(lambda r: ", ".join(f"{ms:.0f}" for ms in r.search_ms))),
        *((f"{name} meanwhile", "", f"{n:,}") for name, n in tally.done.items()),
        ("errors", "", f"{len(tally.errors)}"),
        ("bounds that were passed", "", f"{len(beyond_bounds(before, after, tally))}"),
    ]
    print_table(("", "before", f"after {minutes:g} minutes"), rows)


def each_mb(sizes: list[int]) -> str:
    return ", ".join(f"{size / 1e6:.0f}" for size in sizes)


if __name__ == "__main__":
    main()
