"""A reader of some collections, over connections of its own: whatever it asks is answered by its songs alone."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
import pytest

from songradar import Catalogue
from songradar.db import sharing
from songradar.identify import identify, keep
from songradar.ingest import IngestOptions, ingest
from songradar.scan import scan
from songradar.web.options import WebOptions
from tests import synth
from tests.conftest import cloned
from tests.web.conftest import serving

SECONDS = 30.0
CALIBRATION = {"fragments": [1], "intercept": [-8], "lead": [60], "peak": [0], "threshold": [0.5]}
COLLECTIONS = "UPDATE songradar.songs SET collection = CASE WHEN artist = 'Oaks' THEN 'shade' ELSE 'sun' END"
MINE = ["Alder1", "Alder2", "Beech"]
CLOCK = ("at", "started_at", "ended_at")


@dataclass(frozen=True)
class Wood:
    """A catalogue's URL for its owner and its reader, files and numbers of songs by title, and a recording of two."""

    owner: str
    reader: str
    files: dict[str, Path]
    mix: Path
    numbers: dict[str, int]


@pytest.fixture(scope="module")
def wood(server, tmp_path_factory):
    """Three songs by Oaks in the reader's collection, and three by Hidden in another; two of each are twins."""
    folder, rng = tmp_path_factory.mktemp("wood"), np.random.default_rng(20_261_128)
    waves = {name: synth.melody(rng, SECONDS) for name in ("Alder", "Beech", "Secret", "Riddle")}
    songs = {"Oaks": ("Alder1", "Alder2", "Beech"), "Hidden": ("Secret1", "Secret2", "Riddle")}
    files = {
        title: synth.write_wav(
            folder / f"{artist} - {title}.wav", waves[title.rstrip("12")][4000 * title.endswith("2") :]
        )
        for artist, titles in songs.items()
        for title in titles
    }
    mix = synth.write_wav(folder / "mix.wav", np.concatenate([waves["Beech"], waves["Riddle"]]))
    with server.role("stroller"), pytest.MonkeyPatch.context() as environment:
        databases = cloned(server, environment, "template_songradar")
        url = next(databases)
        with Catalogue.open(url) as catalogue:
            list(ingest(catalogue, files.values(), IngestOptions(workers=1)))
            with catalogue.connection() as owner:
                owner.execute("UPDATE songradar.encoders SET calibration = %s", [json.dumps(CALIBRATION)])
                owner.execute(COLLECTIONS)
                numbers = dict(owner.execute("SELECT title, id FROM songradar.songs").fetchall())
                sharing.grant(owner, "stroller", collections=["shade"])
            for path in files.values():
                keep(catalogue, identify(catalogue, path))
            list(scan(catalogue, mix))
        yield Wood(url, url.replace("postgres@", "stroller@"), files, mix, numbers)
        with psycopg.connect(url) as owner:
            owner.execute("DROP OWNED BY stroller")
        list(databases)


@pytest.fixture
def as_reader(wood, run, monkeypatch):
    """Run the command line as the reader."""
    monkeypatch.setenv("DATABASE_URL", wood.reader)
    return run


def lines_of(told):
    """The lines of JSON, less what the clock says."""
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    return [{name: value for name, value in line.items() if name not in CLOCK} for line in lines]


@pytest.mark.parametrize("options", [("scan",), ("listen", "--patience", "0.2")])
def test_long_recording_is_told_as_to_one_who_asks_for_the_collection(wood, run, monkeypatch, options):
    monkeypatch.setenv("DATABASE_URL", wood.owner)
    theirs = run(*options, "--json", "--no-save", "--collection", "shade", wood.mix)
    monkeypatch.setenv("DATABASE_URL", wood.reader)
    mine = run(*options, "--json", wood.mix)

    assert lines_of(mine) == lines_of(theirs)
    assert {line.get("title") for line in lines_of(mine)} == {"Beech", None}
    assert mine.stderr.startswith("stroller may not keep searches here: use --no-save, or")


def test_recording_of_a_hidden_song_is_unknown(wood, as_reader):
    told = [as_reader("search", wood.files[title]).exit_code for title in ("Beech", "Riddle")]

    assert told == [0, 1]


def test_twins_are_found_among_its_songs_alone(as_reader):
    pairs = lines_of(as_reader("songs", "duplicates", "--json"))

    assert [{pair["title"], pair["other_title"]} for pair in pairs] == [{"Alder1", "Alder2"}]


def test_export_holds_its_songs_alone(as_reader, tmp_path):
    told = as_reader("export", tmp_path / "mine.songradar")
    with zipfile.ZipFile(tmp_path / "mine.songradar") as archive:
        titles = [json.loads(line)["title"] for line in archive.read("songs.jsonl").splitlines()]
        told_inside = b"".join(archive.read(name) for name in archive.namelist())

    assert told.exit_code == 0
    assert sorted(titles) == MINE
    assert b"Hidden" not in told_inside


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("db", "backup", "{folder}/all.songradar"), "songradar: permission denied for schema songradar_farm"),
        (("ingest", "{folder}"), "permission denied for table songs"),
        (("songs", "remove", "{number}", "--yes"), "there is no song number"),
        (("songs", "show", "{number}"), "there is no song number"),
        (("search", "--artist", "Hidden", "{folder}/a.wav"), "the catalogue has no song by Hidden"),
        (("scan", "--collection", "sun", "{folder}/a.wav"), "the catalogue has no song in the collection sun"),
        (("searches", "prune", "--older-than", "1d"), "permission denied for table searches"),
        (("db", "grant", "stroller"), "the schema songradar is postgres's, and stroller cannot share it"),
    ],
)
def test_what_the_reader_may_not_is_one_sentence(wood, as_reader, tmp_path, arguments, reason):
    (tmp_path / "a.wav").write_bytes(wood.mix.read_bytes())
    number = wood.numbers["Riddle"]
    told = as_reader(*(argument.format(folder=tmp_path, number=number) for argument in arguments))
    last = told.stderr.splitlines()[-1]

    assert told.exit_code == 2
    assert last.startswith("songradar: ")
    assert reason in last
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_page_and_programs_are_told_of_its_songs_alone(wood):
    """In all that may be read, nothing is of another collection."""
    mine, hidden = wood.numbers["Beech"], wood.numbers["Riddle"]
    with Catalogue.open(wood.reader) as catalogue, serving(catalogue, WebOptions()) as served:
        lists = (
            "songs",
            "searches",
            "scans",
            "plays",
            "scans/1/plays",
            "scans/1/report",
            "duplicates",
            "insight",
            "encoders",
        )
        told = {path: served.get(f"/{path}").text for path in lists}
        n_searches = sum(served.get(f"/searches/{number}").status_code == 200 for number in range(1, 7))
        parts = [served.get(f"/songs/{hidden}{part}").status_code for part in ("", "/audio", "/cover")]
        status = served.get("/status").json()
        sent = {"file": ("riddle.wav", wood.files["Riddle"].read_bytes())}
        named, scanned = served.post("/identify", files=sent).json(), served.post("/scans", files=sent).text
        refused = [
            served.client.request(method, f"/api/v1/songs/{number}", json=body).status_code
            for number in (mine, hidden)
            for method, body in (("DELETE", None), ("PATCH", {"title": "Mine"}))
        ]

    for path, text in told.items():
        assert not [word for word in ("Hidden", "Secret", "Riddle", '"sun"') if word in text], path
    assert {song["title"] for song in json.loads(told["songs"])["songs"]} == set(MINE)
    assert {play["title"] for play in json.loads(told["plays"])["plays"]} == {"Beech"}
    assert (status["songs"], status["searches"]) == (3, 3)
    assert (n_searches, parts) == (3, [404, 404, 404])
    assert not named["matched"]
    assert {match["title"] for match in named["matches"]} <= set(MINE)
    assert '"Riddle"' not in scanned
    assert refused == [403, 403, 404, 403]
