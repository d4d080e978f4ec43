"""A shard is added, and songs move to it, while searches and ingestion go on."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pytest

from songradar.db import joining, rebalancing, search, store
from songradar.db.cluster import shards
from songradar.db.connection import Server, connect
from songradar.db.errors import ClusterBusy
from songradar.db.search import Question
from tests.db import clusters
from tests.db.clusters import Cluster
from tests.db.rows import noisy, song_row, unit_vectors

pytestmark = pytest.mark.skipif(not clusters.PL_PROXY.exists(), reason=clusters.REASON)

N_SONGS, N_FRAGMENTS = 60, 24


@pytest.fixture(scope="module")
def cluster(server, toy_folder) -> Iterator[Cluster]:
    """A proxy and two shards, with sixty songs of random embeddings."""
    with clusters.cluster_on(server, 2) as cluster:
        clusters.add_package_to(cluster, toy_folder)
        with connect(cluster.proxy) as connection:
            for seed in range(N_SONGS):
                add_song(connection, seed)
        yield cluster


def add_song(connection, seed: int) -> None:
    vectors = unit_vectors(N_FRAGMENTS, seed)
    store.add_song(connection, song_row(f"Tree {seed}"), 1, np.arange(N_FRAGMENTS, dtype=np.int32), vectors)


@dataclass
class Asked:
    """How often each thread has asked, and what it was told that is wrong."""

    wrong: list[object] = field(default_factory=list)
    n: Counter[int] = field(default_factory=Counter)


def keep_asking(proxy: Server, thread: int, asked: Asked, done: threading.Event) -> None:
    """Ask for pieces of songs until it is done, or goes wrong."""
    rng = np.random.default_rng(thread)
    with connect(proxy) as connection:
        while not done.is_set():
            seed = int(rng.integers(N_SONGS))
            query = noisy(unit_vectors(N_FRAGMENTS, seed)[4:12], rng)
            offsets_s = 0.5 * np.arange(8, dtype=np.float32)
            try:
                found = search.find_matches(connection, Question(1, query, offsets_s, exact=True))
            except Exception as error:
                asked.wrong.append(error)
                return
            titles = [match.title for match in found]
            if titles[0] != f"Tree {seed}" or len(titles) != 5 or len(set(titles)) != 5:
                asked.wrong.append((seed, titles))
            asked.n[thread] += 1


@contextmanager
def asking(proxy: Server) -> Iterator[Asked]:
    """Three threads search for the length of a block."""
    asked, done = Asked(), threading.Event()
    with ThreadPoolExecutor(3) as threads:
        for number in range(3):
            threads.submit(keep_asking, proxy, number, asked, done)
        try:
            yield asked
        finally:
            done.set()


def test_shard_is_added_under_load_and_no_search_fails_or_misses_its_song(cluster, server, rng):
    """Also when the move is broken off and begun again, and with songs that come in meanwhile."""
    with clusters.database_of(server.url("postgres"), "shard_added", clusters.BARE) as url:
        with asking(cluster.proxy) as asked, connect(cluster.proxy) as connection, connect(cluster.proxy) as other:
            joining.add_shard(connection, url)
            broken_off = rebalancing.rebalance(connection)
            n_before = sum(moved.songs for moved in islice(broken_off, 5))
            with pytest.raises(ClusterBusy):
                next(rebalancing.rebalance(other))
            broken_off.close()
            add_song(other, N_SONGS)
            n_after = sum(moved.songs for moved in rebalancing.rebalance(connection))
            slots = [shard.slots for shard in shards(connection)]
        places = clusters.places(Cluster(cluster.proxy, [*cluster.shards, url]))
        homes = [clusters.home(cluster, sha256) for _, sha256 in places]

    assert asked.wrong == []
    assert all(asked.n[number] > 3 for number in range(3))
    assert n_before > 0
    assert n_after > 0
    assert sorted(slots) == [85, 85, 86]
    assert len({sha256 for _, sha256 in places}) == len(places) == N_SONGS + 1
    assert [shard for shard, _ in places] == homes
    assert min(Counter(homes).values()) > 5
