"""A catalogue on several databases, from the command line: DATABASE_URL names the proxy, and nothing else is new."""

import json
import shutil
from collections.abc import Iterator
from itertools import combinations

import psycopg
import pytest

from songradar.ml.audio import read_audio
from tests import synth
from tests.conftest import TEMPLATE
from tests.db import clusters
from tests.db.clusters import Cluster
from tests.toy_encoder import write_toy_encoder

pytestmark = pytest.mark.skipif(not clusters.PL_PROXY.exists(), reason=clusters.REASON)

DOWN = "does not answer: --partial searches the others"
READABLE = (
    "SELECT count(*) FROM songradar.songs_v1",
    "SELECT count(*) FROM songradar.fragments_v1",
    "SELECT count(*) FROM songradar.matches_v1",
    "SELECT songradar.answering_v1()",
)
THE_OWNERS = (
    "SELECT url FROM songradar.shards",
    "SELECT plproxy.get_cluster_partitions('all')",
    "DELETE FROM songradar.songs",
    "INSERT INTO songradar.searches (query, duration_s) VALUES ('clip', 1)",
    "UPDATE songradar.encoders SET active = false",
)


@pytest.fixture(scope="module")
def whole(server, toy_folder) -> Iterator[Cluster]:
    """A proxy and two shards, with the toy encoder."""
    with clusters.cluster_on(server, 2) as cluster:
        clusters.add_package_to(cluster, toy_folder)
        yield cluster


@pytest.fixture
def cluster(whole, monkeypatch) -> Iterator[Cluster]:
    """The same without songs and searches; the proxy is in DATABASE_URL."""
    monkeypatch.setenv("DATABASE_URL", whole.proxy.url)
    yield whole
    clusters.clear(whole)


@pytest.fixture
def clip(music, tmp_path):
    return synth.write_wav(tmp_path / "clip.wav", synth.cut(read_audio(music["Birch"], synth.RATE_HZ), 4.0, 5.0))


def songs_of(run):
    return [json.loads(line) for line in run("songs", "list", "--json").stdout.splitlines()]


def test_proxy_is_searched_filled_listed_and_edited_like_one_database(cluster, music, clip, run, tmp_path):
    first, again = run("ingest", music["Amber"].parent), run("ingest", music["Amber"].parent)
    found = json.loads(run("search", "--json", clip).stdout)
    number = found["matches"][0]["song_id"]
    edited = run("songs", "edit", number, "--title", "Silver Birch")
    titles = sorted(song["title"] for song in songs_of(run))
    scanned = run("scan", "--json", music["Cedar"])
    status = json.loads(run("status", "--json").stdout)
    with psycopg.connect(cluster.proxy.url) as connection:
        kept = connection.execute("SELECT title, rank FROM songradar.matches_v1 WHERE accepted").fetchall()
    removed = run("songs", "remove", number, "--yes")
    with psycopg.connect(cluster.proxy.url) as connection:
        left = connection.execute("SELECT count(*) FROM songradar.matches WHERE accepted").fetchone()

    assert "3 added" in first.stdout
    assert "3 already there" in again.stdout
    assert (found["matches"][0]["title"], found["matched"]) == ("Birch", True)
    assert (edited.exit_code, titles) == (0, ["Amber", "Cedar", "Silver Birch"])
    assert "Cedar" in scanned.stdout
    assert (status["songs"], status["encoder"], status["searches"]) == (3, "toy", 1)
    assert kept == [("Silver Birch", 1)]
    assert (removed.exit_code, left) == (0, (0,))


def test_workers_of_a_farm_ingest_through_the_proxy(cluster, music, run):
    pytest.importorskip("procrastinate", reason="needs songradar[farm]")
    given = run("farm", "enqueue", music["Amber"].parent)
    worked = run("farm", "work", "--drain", "--concurrency", 1)
    places = clusters.places(cluster)

    assert given.stdout.startswith("3 enqueued")
    assert (worked.exit_code, worked.stdout.split(",")[0]) == (0, "3 added")
    assert len(places) == 3
    assert all(clusters.home(cluster, sha256) == shard for shard, sha256 in places)


def test_file_that_moves_or_changes_keeps_its_number_wherever_it_lives(cluster, music, run, rng):
    folder = music["Amber"].parent
    run("ingest", folder)
    before = {song["title"]: song["song_id"] for song in songs_of(run)}
    shutil.move(music["Birch"], folder / "04 The Trees - Birch.wav")
    changed = []
    for _ in range(4):  # one in two goes to another shard
        synth.write_wav(music["Cedar"], synth.melody(rng, 12.0))
        changed.append(run("ingest", folder).stdout)
    after = {song["title"]: song["song_id"] for song in songs_of(run)}
    places = clusters.places(cluster)

    assert "1 moved" in changed[0]
    assert all("1 replaced" in told for told in changed)
    assert after == before
    assert all(clusters.home(cluster, sha256) == shard for shard, sha256 in places)
    assert len(places) == 3


def test_shard_that_is_down_makes_a_search_fail_or_its_answer_partial_as_asked(cluster, server, music, run, clip):
    run("ingest", music["Amber"].parent)
    [birch] = [song for song in songs_of(run) if song["title"] == "Birch"]
    of_birch = clusters.home(cluster, bytes.fromhex(birch["sha256"]))
    told = {}
    for number, url in enumerate(cluster.shards):
        with clusters.down(server, url):
            refused = run("search", clip)
            told[number] = json.loads(run("search", "--partial", "--json", clip).stdout)
            shown = run("search", "--partial", "--collection", "none", clip)
            status = run("cluster", "status")

            assert refused.exit_code == 2
            assert refused.stderr == f"songradar: shard {number} of the cluster {DOWN}\n"
            assert told[number]["missing_shards"] == [number]
            assert f"the answer is partial, as these shards did not answer: {number}" in shown.stderr
            assert status.exit_code == 1
    healthy = json.loads(run("search", "--partial", "--json", clip).stdout)
    with psycopg.connect(cluster.proxy.url) as connection:
        kept = connection.execute("SELECT count(*) FROM songradar.searches").fetchone()

    for number, answer in told.items():
        assert ("Birch" in [match["title"] for match in answer["matches"]]) == (number != of_birch)
    assert (healthy["matches"][0]["title"], "missing_shards" in healthy) == ("Birch", False)
    assert kept == (5,)


def test_role_that_is_let_read_searches_and_learns_no_password(cluster, music, run, clip, monkeypatch):
    run("ingest", music["Amber"].parent)
    with psycopg.connect(cluster.proxy.url, autocommit=True) as owner:
        owner.execute("CREATE ROLE radio LOGIN")
        granted = run("db", "grant", "radio")
        theirs = cluster.proxy.url.replace("postgres@", "radio@")
        monkeypatch.setenv("DATABASE_URL", theirs)
        found, scanned = run("search", "--json", clip), run("scan", "--json", "--no-save", music["Cedar"])
        with psycopg.connect(theirs, autocommit=True) as reader:
            for statement in READABLE:
                reader.execute(statement)
            for statement in THE_OWNERS:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute(statement)
        monkeypatch.setenv("DATABASE_URL", cluster.proxy.url)
        revoked = run("db", "revoke", "radio")
        owner.execute("DROP ROLE radio")  # which fails if any right is left

    assert (granted.exit_code, revoked.exit_code) == (0, 0)
    assert json.loads(found.stdout)["matches"][0]["title"] == "Birch"
    assert "Cedar" in scanned.stdout


def test_songs_are_announced_at_the_proxy(cluster, music, run):
    with psycopg.connect(cluster.proxy.url, autocommit=True) as connection:
        connection.execute("LISTEN songradar_songs")
        run("ingest", music["Amber"].parent)
        run("ingest", music["Amber"].parent)
        number = songs_of(run)[0]["song_id"]
        shutil.move(music["Birch"], music["Birch"].with_name("04 The Trees - Birch.wav"))
        run("ingest", music["Amber"].parent)
        run("songs", "remove", number, "--yes")
        told = [json.loads(heard.payload) for heard in connection.notifies(timeout=1, stop_after=5)]

    assert [one["change"] for one in told] == ["added"] * 3 + ["changed", "removed"]
    assert told[-1]["song_id"] == number


def test_encoder_is_on_all_shards_or_counts_for_nothing(cluster, server, toy_folder, run, tmp_path):
    other = write_toy_encoder(tmp_path / "other", seed=1)
    with clusters.down(server, cluster.shards[1]):
        refused, listed = run("encoders", "add", other), run("encoders", "list")
    added, used = run("encoders", "add", other), run("encoders", "use", "other")
    on_shards = [clusters.rows(url, "SELECT id, name, active FROM songradar.encoders ORDER BY id")
                 for url in (cluster.proxy.url, *cluster.shards)]  # fmt: skip
    run("encoders", "use", "toy")
    removed = run("encoders", "remove", "other", "--yes")
    left = [clusters.rows(url, "SELECT name FROM songradar.encoders") for url in (cluster.proxy.url, *cluster.shards)]

    assert refused.exit_code == 2
    assert "other" not in listed.stdout
    assert (added.exit_code, used.exit_code, removed.exit_code) == (0, 0, 0)
    assert on_shards[0] == on_shards[1] == on_shards[2]
    assert [row[1:] for row in on_shards[0]] == [("toy", False), ("other", True)]
    assert left == [[("toy",)]] * 3


def test_the_same_recording_is_told_of_songs_on_one_shard_and_on_several(cluster, music, run, tmp_path):
    wave = read_audio(music["Birch"], synth.RATE_HZ)
    copies = [synth.write_wav(tmp_path / f"copy {n}.wav", (1 - n / 10) * wave) for n in range(6)]
    run("ingest", *copies)
    numbers = sorted(song["song_id"] for song in songs_of(run))
    result = run("songs", "duplicates", "--json")
    pairs = [json.loads(line) for line in result.stdout.splitlines()]
    absent = run("songs", "duplicates", "--artist", "Nobody")

    assert {number % 64 for number in numbers} == {0, 1}
    assert sorted((p["song_id"], p["other_song_id"]) for p in pairs) == list(combinations(numbers, 2))
    assert {(p["relation"], p["speed"]) for p in pairs} == {("same", 1.0)}
    assert "has no song by Nobody" in absent.stderr


def test_every_shard_is_verified_and_songs_on_the_wrong_one_are_told(cluster, music, run):
    run("ingest", *music.values())
    whole = run("db", "verify", "--files", "--json")
    [number, *_] = [song["song_id"] for song in songs_of(run) if song["song_id"] % 64 == 0]
    with psycopg.connect(cluster.shards[0], autocommit=True) as shard:
        shard.execute("DELETE FROM songradar.fragments WHERE song_id = %s AND position = 0", [number])
    with psycopg.connect(cluster.proxy.url, autocommit=True) as proxy:
        slots = proxy.execute("UPDATE songradar.slots SET shard = 1 WHERE shard = 0 RETURNING slot").fetchall()
        damaged = run("db", "verify")
        proxy.execute("UPDATE songradar.slots SET shard = 0 WHERE slot = ANY (%s)", [[slot for (slot,) in slots]])

    assert whole.exit_code == 0
    assert [json.loads(line)["check"] for line in whole.stdout.splitlines()] == [
        "indexes of shard 0", "rows of shard 0", "indexes of shard 1", "rows of shard 1", "places", "files"
    ]  # fmt: skip
    assert damaged.exit_code == 1
    assert "rows of shard 1: " in damaged.stdout
    assert f"song {number}: encoder toy has stored" in damaged.stderr
    assert f"song {number}: is on shard 0, which has no songs whose SHA-256 begins with" in damaged.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("db", "upgrade"),
        ("db", "backup", "file"),
        ("db", "grant", "x", "--write"),
        ("db", "grant", "x", "--collection", "oak"),
        ("db", "announce", "off"),
        ("export", "file"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused_in_one_sentence(cluster, run, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*command)

    assert result.exit_code == 2
    assert result.stderr.startswith("songradar: ")
    assert "cluster" in result.stderr
    assert list(tmp_path.glob("file*")) == []


def test_what_is_no_shard_is_refused(cluster, server, run):
    for url, reason in (
        (cluster.shards[0], "is a shard of the cluster already"),
        (server.url(TEMPLATE), "has songs or encoders, which only the first shard of a cluster may have"),
        ("mysql://shard", "does not begin with postgresql://"),
    ):
        result = run("cluster", "add", url)

        assert result.exit_code == 2
        assert reason in result.stderr
    status = json.loads(run("cluster", "status", "--json").stdout)
    assert [shard["number"] for shard in status["shards"]] == [0, 1]


def test_one_database_is_no_cluster(database, run):
    for command in ("status", "rebalance", "init"):
        result = run("cluster", command)

        assert result.exit_code == 2
        assert "cluster" in result.stderr or "a proxy is another, empty database" in result.stderr
