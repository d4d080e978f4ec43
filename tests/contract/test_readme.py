"""What the README tells people to type works, in the order in which it is told."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from cli.encoders import SHIPPED, read_shipped
from db.encoders import add_encoder, remove_encoder, use_encoder
from db.engine import engine
from ml.audio import read_audio
from ml.spec import CONTRASTIVE
from tests import synth

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


LISTENING = """
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND query = 'LISTEN songradar_matches' AND state = 'idle'
"""

COMMANDS = [line for block in blocks("sh")[2:] for line in block.splitlines()]


@pytest.fixture
def reader(database, run, tmp_path, monkeypatch):
    """Somebody with the shipped encoder, a folder `music` and a `recording.wav`, in that folder's parent."""
    add_encoder(engine(), read_shipped())
    use_encoder(engine(), SHIPPED)
    remove_encoder(engine(), "toy")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(str(files("cli").joinpath("songs_of_the_demo")), "music")
    rate_hz = CONTRASTIVE.sample_rate_hz
    song = read_audio(Path("music/kevin_macleod_vibe_ace.m4a"), rate_hz)
    synth.write_wav(Path("recording.wav"), synth.cut(song, 10.0, 15.0, rate_hz), rate_hz)
    return database


def test_first_two_blocks_are_one_command_line_each():
    first, second = (block.strip() for block in blocks("sh")[:2])

    assert "\n" not in first
    assert first.endswith("songradar demo")
    assert "\n" not in second
    assert second.endswith("python -m pytest -q")


def test_every_command_works_in_turn(reader, run):
    assert len(COMMANDS) > 15
    for command in COMMANDS:
        result = run(*shlex.split(command)[1:])

        assert result.exit_code == 0, (command, result.output)


def test_every_query_of_the_cookbook_works(reader, run):
    run("ingest", "music")
    run("search", "recording.wav")
    queries = blocks("sql")

    assert len(queries) >= 6
    with psycopg.connect(reader) as connection:
        answers = [connection.execute(query).fetchall() for query in queries]
    assert [row[2:5] for row in answers[0]] == [("Vibe Ace", "Kevin MacLeod", "0:10")]


def test_other_application_names_the_song_with_sql_alone(reader, run, capsys):
    run("ingest", "music")
    program, _ = blocks("python")
    exec(compile(program, "README.md", "exec"), {})

    title, artist, offset_s, confidence, accepted = ast.literal_eval(capsys.readouterr().out)
    assert (title, artist, accepted) == ("Vibe Ace", "Kevin MacLeod", True)
    assert offset_s == pytest.approx(10, abs=0.1)
    assert confidence > 0.99


def test_listener_hears_of_a_search(reader, run):
    run("ingest", "music")
    _, program = blocks("python")
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as listener:
        with psycopg.connect(reader, autocommit=True) as connection:
            while not connection.execute(LISTENING).fetchone():
                time.sleep(0.05)
        run("search", "recording.wav")
        heard = listener.stdout.readline()
        listener.kill()

    assert ast.literal_eval(heard) == ("recording.wav", "Vibe Ace", "0:10")
