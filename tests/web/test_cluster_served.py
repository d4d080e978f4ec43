"""A cluster is served like one database: the server is told of the proxy alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from songradar import Catalogue
from songradar.web.options import WebOptions
from tests.db import clusters
from tests.db.clusters import Cluster
from tests.web.conftest import Served, serving
from tests.web.document import check

pytestmark = pytest.mark.skipif(not clusters.PL_PROXY.exists(), reason=clusters.REASON)


@pytest.fixture(scope="module")
def cluster(server, toy_folder) -> Iterator[Cluster]:
    with clusters.cluster_on(server, 2) as cluster:
        clusters.add_package_to(cluster, toy_folder)
        yield cluster


@pytest.fixture(scope="module")
def served(cluster, tmp_path_factory) -> Iterator[Served]:
    options = WebOptions(uploads=tmp_path_factory.mktemp("uploads"))
    with Catalogue.open(cluster.proxy.url) as catalogue, serving(catalogue, options) as served:
        yield served


@pytest.fixture
def filled(cluster, served, music) -> Iterator[Served]:
    """With three songs that were uploaded."""
    for path in music.values():
        upload(served, path)
    yield served
    clusters.clear(cluster)


def upload(served: Served, path: Path) -> list[dict[str, object]]:
    return check(served.post("/ingest", files={"file": (path.name, path.read_bytes())}), "/ingest")


def test_songs_that_are_uploaded_are_listed_named_and_removed(filled, clip, music):
    named = check(filled.post("/identify", content=clip.read_bytes()), "/identify")
    number = named["matches"][0]["song_id"]
    listed = check(filled.get("/songs"), "/songs")
    scanned = check(filled.post("/scans", content=music["Cedar"].read_bytes()), "/scans")
    status = check(filled.get("/status"), "/status")
    removed = filled.client.delete(f"/api/v1/songs/{number}")

    assert named["matches"][0]["title"] == "Birch"
    assert sorted(song["title"] for song in listed["songs"]) == ["Amber", "Birch", "Cedar"]
    assert "Cedar" in [line.get("title") for line in scanned]
    assert status["songs"] == 3
    assert removed.status_code == 204
    assert check(filled.get("/songs"), "/songs")["total"] == 2


def test_song_that_is_added_is_told_to_listeners(cluster, served, music):
    with served.client.stream("GET", "/api/v1/events") as events:
        lines = events.iter_lines()
        next(lines)
        upload(served, music["Amber"])
        told = next(json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:"))
    clusters.clear(cluster)

    assert told["change"] == "added"


def test_answer_is_partial_where_that_is_asked_for(cluster, filled, server, clip):
    with clusters.down(server, cluster.shards[1]):
        refused = filled.post("/identify", content=clip.read_bytes())
        partial = filled.post("/identify", content=clip.read_bytes(), params={"partial": True})
    whole = filled.post("/identify", content=clip.read_bytes(), params={"partial": True})

    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:songradar:problem:shard-down"
    assert refused.json()["detail"] == "shard 1 of the cluster does not answer"
    assert check(partial, "/identify")["missing_shards"] == [1]
    assert "missing_shards" not in check(whole, "/identify")
