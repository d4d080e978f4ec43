"""A catalogue that has become too large for one database: it is the first shard, and gives half of its songs away."""

import json

import pytest

from songradar.ml.audio import read_audio
from tests import synth
from tests.db import clusters

pytestmark = pytest.mark.skipif(not clusters.PL_PROXY.exists(), reason=clusters.REASON)


@pytest.fixture
def clips(music, tmp_path):
    return [
        synth.write_wav(tmp_path / f"{title}.wav", synth.cut(read_audio(path, synth.RATE_HZ), 3.0, 6.0))
        for title, path in music.items()
    ]


@pytest.fixture
def proxy_url(server):
    with clusters.proxy_beside(server) as url:
        yield url


def answers(run, clips):
    """What is named, with everything but the times; numbers that are sums may differ in their last digit."""
    told = [json.loads(line) for line in run("search", "--exact", "--json", *clips).stdout.splitlines()]
    return [
        [{name: pytest.approx(value, abs=1e-3) if isinstance(value, float) else value for name, value in match.items()}
         for match in answer["matches"]]
        for answer in told
    ]  # fmt: skip


def test_full_catalogue_becomes_a_shard_and_its_songs_keep_numbers_names_and_answers(
    server, database, proxy_url, music, clips, run, rng, monkeypatch
):
    folder = music["Amber"].parent
    run("ingest", folder)
    run("songs", "edit", "1", "--title", "Set by hand")
    before, listed = answers(run, clips), run("songs", "list", "--json").stdout
    with clusters.database_of(database, "shard_of_many") as empty:
        monkeypatch.setenv("DATABASE_URL", proxy_url)
        steps = [run("cluster", "init"), run("cluster", "add", database)]
        adopted = answers(run, clips)
        steps += [run("cluster", "add", empty), run("cluster", "rebalance")]
        after, relisted = answers(run, clips), run("songs", "list", "--json").stdout
        again = run("ingest", folder)
        more = run("ingest", synth.write_wav(folder / "04 The Trees - Elm.wav", synth.melody(rng, 10.0)))
        shards = [shard["songs"] for shard in json.loads(run("cluster", "status", "--json").stdout)["shards"]]
        numbers = [json.loads(line)["song_id"] for line in run("songs", "list", "--json").stdout.splitlines()]

    assert [step.exit_code for step in steps] == [0, 0, 0, 0], [step.stderr for step in steps]
    assert adopted == before
    assert after == before
    assert sorted(relisted.splitlines()) == sorted(listed.splitlines())
    assert again.stdout.startswith("0 added, 3 already there")
    assert more.stdout.startswith("1 added")
    assert sum(shards) == 4
    assert min(shards) > 0
    assert len(set(numbers)) == 4
