"""What README and the pages in docs/ tell people to type works, in the order in which it is told."""

import ast
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import psycopg
import pytest

import songradar
from songradar import encoders
from songradar.catalogue import Catalogue
from songradar.cli.serve import serve
from songradar.ml.audio import read_audio
from songradar.ml.package import SHIPPED
from songradar.ml.spec import CONTRASTIVE
from songradar.web.openapi import ALL
from songradar.web.options import WebOptions
from tests import synth
from tests.web.conftest import serving

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
SQL = ROOT / "docs" / "sql.md"
PYTHON = ROOT / "docs" / "python.md"
HTTP = ROOT / "docs" / "http.md"

DEFAULT_URL = "http://127.0.0.1:8000"
SELF_EVIDENT = ("--port", "--log")

MAX_LINES_OF_README = 220

FOREIGN = ("", "hello", "[]", "{}", '{"search_id": "mine"}', '{"search_id": null}', '{"search_id": Infinity}')
"""What another application may say on our channel."""

LISTENING = """
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND query = 'LISTEN songradar_matches' AND state = 'idle'
"""


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """The command lines of a page's sh blocks; README's first two, which install songradar, are no commands of its."""
    told = blocks(page, "sh")[2 if page == README else 0 :]
    return [line for block in told for line in block.splitlines()]


PAGES = [
    page
    for page in (README, *sorted((ROOT / "docs").glob("*.md")))
    if commands(page) and page.name != "cluster.md"  # test_cluster_page.py has several databases for it
]


@pytest.fixture
def reader(database, run, tmp_path, monkeypatch):
    """Somebody with the shipped encoder, a folder `music` and a `recording.wav`, in that folder's parent."""
    with Catalogue.open() as catalogue:
        encoders.add(catalogue, SHIPPED)
        encoders.use(catalogue, SHIPPED)
        encoders.remove(catalogue, "toy")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(str(files("songradar.cli").joinpath("songs_of_the_demo")), "music")
    rate_hz = CONTRASTIVE.sample_rate_hz
    song = read_audio(Path("music/kevin_macleod_vibe_ace.m4a"), rate_hz)
    synth.write_wav(Path("recording.wav"), synth.cut(song, 10.0, 15.0, rate_hz), rate_hz)
    return database


def test_readme_is_short():
    assert len(README.read_text("utf-8").splitlines()) <= MAX_LINES_OF_README


def test_first_two_blocks_are_one_command_line_each():
    first, second = (block.strip() for block in blocks(README, "sh")[:2])

    assert "\n" not in first
    assert first.endswith("songradar demo")
    assert "\n" not in second
    assert second.endswith("python -m pytest -q -n auto")


def test_readme_and_docs_tell_commands():
    assert len(commands(README)) > 15
    assert {page.name for page in PAGES} >= {"README.md", "encoders.md", "server.md", "sql.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_works_in_turn(page, reader, run):
    if page != README:
        run("ingest", "music")
    for command in commands(page):
        program, *arguments = shlex.split(command)
        result = run(*arguments)

        assert program == "songradar"
        assert result.exit_code == 0, (command, result.output)


def test_every_query_of_the_cookbook_works(reader, run):
    run("ingest", "music")
    run("search", "recording.wav")
    queries = blocks(SQL, "sql")

    assert len(queries) >= 6
    with psycopg.connect(reader) as connection:
        answers = [connection.execute(query).fetchall() for query in queries]
    assert [row[2:5] for row in answers[0]] == [("Vibe Ace", "Kevin MacLeod", "0:10")]


def test_other_application_names_the_song_with_sql_alone(reader, run, capsys):
    run("ingest", "music")
    program, _ = blocks(SQL, "python")
    exec(compile(program, "sql.md", "exec"), {})

    title, artist, offset_s, confidence, accepted = ast.literal_eval(capsys.readouterr().out)
    assert (title, artist, accepted) == ("Vibe Ace", "Kevin MacLeod", True)
    assert offset_s == pytest.approx(10, abs=0.1)
    assert confidence > 0.99


def test_other_application_refuses_audio_at_another_rate(reader):
    synth.write_wav(Path("recording.wav"), np.zeros(5 * 16_000, np.float32), 16_000)
    program, _ = blocks(SQL, "python")

    with pytest.raises(SystemExit, match="8000 Hz"):
        exec(compile(program, "sql.md", "exec"), {})


def test_readme_opens_ingests_and_identifies(reader, capsys):
    [program] = blocks(README, "python")
    exec(compile(program, "README.md", "exec"), {})
    *told, named = capsys.readouterr().out.splitlines()

    assert len(program.splitlines()) <= 12
    assert len(told) == 7
    assert named.startswith("True Vibe Ace Kevin MacLeod ")


def test_examples_of_the_python_page_run(reader, capsys):
    for program in blocks(PYTHON, "python"):
        exec(compile(program, "python.md", "exec"), {})

    assert capsys.readouterr().out.splitlines() == [
        "7 0 324",
        "Vibe Ace True",
        "True True False is silent",
        "[('siamese', True)]",
        "2 P. I. Tchaikovsky: Dance of the Sugar Plum Fairy USUAN1100377 0",
        "['Vibe Ace']",
        "[('recording.wav', True)]",
        "1",
        "6",
        "after 2 s: Vibe Ace",
        "now 13",
        "now 14",
        "0 songs",
    ]


def test_every_module_for_programs_is_on_the_python_page():
    told = PYTHON.read_text("utf-8")
    inner = {
        "__main__",
        "answers",
        "cli",
        "db",
        "environment",
        "filler",
        "examine",
        "extents",
        "fitting",
        "following",
        "hearing",
        "migrations",
        "ml",
        "naive_scan",
        "patience",
        "py",
        "recent",
        "remote",
        "scanner",
        "song_line",
        "twins",
        "unfinished",
        "uploads",
        "web",
        "wording",
    }
    names = {module.name for module in pkgutil.iter_modules(songradar.__path__[:1])}

    assert not [name for name in names - inner if f"`songradar.{name}`" not in told]


@pytest.fixture
def served(reader, run, tmp_path):
    """The URL of a server with the songs of the demo."""
    run("ingest", "music")
    with Catalogue.open() as catalogue, serving(catalogue, WebOptions(uploads=tmp_path / "uploads")) as found:
        yield found.url


def at(url: str, program: str) -> str:
    """The program for this server instead of the one it names."""
    assert DEFAULT_URL in program
    return program.replace(DEFAULT_URL, url)


def test_http_page_with_curl(served):
    [program] = blocks(HTTP, "bash")
    lines = program.replace("curl -s", "curl -sS --fail-with-body").splitlines()
    done = [subprocess.run(["bash", "-c", at(served, line)], capture_output=True, text=True) for line in lines]

    assert [one.returncode for one in done] == [0] * 7, done
    assert '"title":"Vibe Ace"' in done[0].stdout
    assert '"query":"mine"' in done[1].stdout
    assert '"total":2' in done[2].stdout
    assert '"title": "Vibe Ace"' in done[4].stdout
    assert '"outcome": "added"' in done[5].stdout
    assert Path("part.m4a").stat().st_size == 100


def test_http_page_with_python(served, capsys):
    [program] = blocks(HTTP, "python")
    exec(compile(at(served, program), "http.md", "exec"), {})

    assert capsys.readouterr().out == "Vibe Ace Kevin MacLeod 10\n"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_http_page_with_javascript(served):
    [program] = blocks(HTTP, "javascript")
    Path("example.mjs").write_text(at(served, program))
    done = subprocess.run(["node", "--no-warnings", "example.mjs"], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("Vibe Ace Kevin MacLeod 10\n", "")


def test_http_page_names_every_operation():
    """In its table, where methods that share a path stand beside each other."""
    table = [line.partition("|")[2].partition("|")[0] for line in HTTP.read_text("utf-8").splitlines() if "`" in line]
    told = {
        (method, path)
        for cell in table
        for words in re.findall(r"`([A-Z ]+/[^`]*)`", cell)
        for *methods, path in [words.split()]
        for method in methods
    }

    assert {(one.method, one.path) for one in ALL} - told == {("GET", "/openapi.json")}


def test_http_page_names_every_option_of_the_command():
    told = HTTP.read_text("utf-8")

    assert not [
        option.opts[0]
        for option in serve.params
        if option.opts[0] not in (*SELF_EVIDENT,) and option.opts[0] not in told
    ]


def test_listener_hears_of_a_search_and_survives_what_others_say(reader, run):
    run("ingest", "music")
    _, program = blocks(SQL, "python")
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as listener:
        with psycopg.connect(reader, autocommit=True) as connection:
            while not connection.execute(LISTENING).fetchone():
                time.sleep(0.05)
            for payload in FOREIGN:
                connection.execute("SELECT pg_notify('songradar_matches', %s)", [payload])
        run("search", "recording.wav")
        heard = listener.stdout.readline()
        listener.kill()

    assert ast.literal_eval(heard) == ("recording.wav", "Vibe Ace", "0:10")
