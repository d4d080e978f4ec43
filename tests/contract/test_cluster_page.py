"""What docs/cluster.md tells people to type works, in the order in which it is told."""

import re
import shlex
import shutil
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from songradar.ml.audio import read_audio
from songradar.ml.spec import CONTRASTIVE
from tests import synth
from tests.contract.test_docs import ROOT, blocks, commands
from tests.db import clusters

PAGE = ROOT / "docs" / "cluster.md"
SHARD = re.compile(r"postgresql://songradar@shard(\d).example/music")

pytestmark = pytest.mark.skipif(not clusters.PL_PROXY.exists(), reason=clusters.REASON)


def test_page_begins_with_who_needs_it():
    assert "Do you need this? Below a million songs: no." in PAGE.read_text("utf-8").partition("\n## ")[0]


def test_every_command_and_query_of_the_page_works_in_turn(server, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(str(files("songradar.cli").joinpath("songs_of_the_demo")), "music")
    rate_hz = CONTRASTIVE.sample_rate_hz
    song = read_audio(Path("music/kevin_macleod_vibe_ace.m4a"), rate_hz)
    synth.write_wav(Path("recording.wav"), synth.cut(song, 10.0, 15.0, rate_hz), rate_hz)
    with clusters.proxy_beside(server) as proxy, ExitStack() as stack:
        monkeypatch.setenv("DATABASE_URL", proxy)
        shards = [stack.enter_context(clusters.database_of(server.url("postgres"), f"page_{i}")) for i in range(2)]
        outputs = {}
        for command in commands(PAGE):
            _, *arguments = shlex.split(SHARD.sub(lambda found: shards[int(found[1])], command))
            result = run(*arguments)
            outputs[command] = result.stdout

            assert result.exit_code == 0, (command, result.output)
        with psycopg.connect(proxy) as connection:
            [queries] = blocks(PAGE, "sql")
            answers = [connection.execute(query).fetchall() for query in queries.split(";\n") if query.strip()]

    assert "7 added" in outputs["songradar ingest music"]
    assert outputs["songradar search recording.wav"].startswith("recording.wav: Vibe Ace by Kevin MacLeod")
    assert answers[0] == [(None, 7)]
    assert [row[:2] for row in answers[1]] == [("Vibe Ace", "0:10")] * 2
