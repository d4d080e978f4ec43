"""A shard that takes connections and never answers, as one whose disk is gone."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from songradar.db import connection, embedded, schema
from songradar.ml.audio import read_audio
from tests import synth
from tests.conftest import Server
from tests.db import clusters, servers
from tests.db.clusters import Cluster

pytestmark = pytest.mark.skipif(not clusters.PL_PROXY.exists(), reason=clusters.REASON)


@pytest.fixture
def beside() -> Iterator[Server]:
    """A second PostgreSQL: what is stopped of one stops all of its databases."""
    home = Path(tempfile.mkdtemp(prefix="songradar-tests-"))
    yield Server(home)
    embedded.stop(home)
    shutil.rmtree(home)


@pytest.fixture
def cluster(server, beside, toy_folder, monkeypatch) -> Iterator[Cluster]:
    """Two shards, the second on a server of its own, and a proxy that is patient for two seconds, in DATABASE_URL."""
    with ExitStack() as stack:
        url = stack.enter_context(clusters.proxy_beside(server))
        shards = [*stack.enter_context(clusters.shards_of(server, 1)), beside.url("songradar")]
        stack.enter_context(beside.access("local all postgres trust"))
        schema.upgrade(connection.Server(shards[1]))
        cluster = clusters.make_cluster(url, shards)
        with psycopg.connect(url, autocommit=True) as proxy:
            proxy.execute("UPDATE songradar.cluster SET patience_s = 2")
        clusters.add_package_to(cluster, toy_folder)
        monkeypatch.setenv("DATABASE_URL", url)
        yield cluster


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """Its processes hold still for the length of a block; the kernel goes on taking connections for them."""
    postmaster = psutil.Process(servers.postmaster(server.home))
    processes = [postmaster, *postmaster.children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def test_shard_that_takes_connections_alone_is_left_out_where_that_is_asked_for(cluster, beside, music, run, tmp_path):
    run("ingest", *music.values())
    songs = [json.loads(line) for line in run("songs", "list", "--json").stdout.splitlines()]
    here = next(song for song in songs if song["song_id"] % 64 == 0)
    clip = synth.write_wav(tmp_path / "clip.wav", synth.cut(read_audio(Path(here["source"]), synth.RATE_HZ), 4.0, 5.0))
    with stopped(beside):
        refused = run("search", clip)
        partial = json.loads(run("search", clip, "--partial", "--json").stdout)
    whole = json.loads(run("search", clip, "--json").stdout)

    assert {song["song_id"] % 64 for song in songs} == {0, 1}
    assert refused.exit_code == 2
    assert "shard 1 of the cluster does not answer: --partial searches the others" in refused.stderr
    assert (partial["missing_shards"], partial["matches"][0]["title"]) == ([1], here["title"])
    assert "missing_shards" not in whole
