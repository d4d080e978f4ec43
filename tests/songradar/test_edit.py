"""Editing what is known of songs: by number or from a table, all or nothing, and for good."""

import csv
import io
import json

import psycopg
import pytest

from songradar.edit import EditRefused, read_table
from tests import synth

ISRC, MBID = "DEA731800123", "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"


@pytest.fixture
def filled(database, run, music):
    """Three songs, whose numbers are 1, 2 and 3."""
    run("ingest", "--workers", 1, music["Amber"].parent)
    return database


def listed(run) -> dict[str, dict]:
    """The songs by title."""
    return {song["title"]: song for song in map(json.loads, run("songs", "list", "--json").stdout.splitlines())}


def write(path, text: str):
    path.write_text(text, "utf-8")
    return path


def test_every_field_can_be_set_and_removed(filled, run):
    number = listed(run)["Birch"]["song_id"]
    values = {"title": "Beech", "artist": "Oaks", "album": "Leaves", "collection": "b", "isrc": ISRC, "mbid": MBID}
    options = [part for column, value in values.items() for part in (f"--{column}", value)]
    edited = run("songs", "edit", number, *options, "--tag", "upc=400", "--tag", "ours=a=b")
    after = listed(run)["Beech"]
    run("songs", "edit", number, "--artist", "", "--isrc", "", "--mbid", "", "--tag", "upc=")
    removed = listed(run)["Beech"]

    assert (edited.stdout, edited.stderr) == (f"{number}: Beech by Oaks\n", "1 song edited, 0 as they were\n")
    assert {column: after[column] for column in values} == values
    assert after["tags"] == {"upc": "400", "ours": "a=b"}
    assert (removed["artist"], removed["isrc"], removed["mbid"]) == (None, None, None)
    assert removed["tags"] == {"ours": "a=b"}


def test_identifiers_are_in_answers_and_in_the_view(filled, run, music):
    number = listed(run)["Birch"]["song_id"]
    run("songs", "edit", number, "--isrc", "de-a73-18-00123", "--mbid", f"https://musicbrainz.org/recording/{MBID}")
    run("songs", "edit", number, "--tag", "upc=400", "--album", "Leaves")
    best = json.loads(run("search", "--json", music["Birch"]).stdout)["matches"][0]
    with psycopg.connect(filled) as connection:
        row = connection.execute(
            "SELECT album, isrc, mbid, tags FROM songradar.songs_v1 WHERE song_id = %s", [number]
        ).fetchone()

    assert (best["album"], best["isrc"], best["mbid"], best["tags"]) == ("Leaves", ISRC, MBID, {"upc": "400"})
    assert row == ("Leaves", ISRC, MBID, {"upc": "400"})
    assert run("songs", "list", ISRC).stdout.splitlines()[1].split()[1] == "Birch"


def test_table_comes_back_as_it_was_written(filled, run, tmp_path):
    number = listed(run)["Birch"]["song_id"]
    run("songs", "edit", number, "--tag", 'odd="a", b;c', "--album", "x\ty\nz", "--isrc", ISRC)
    before = listed(run)
    table = write(tmp_path / "songs.csv", run("songs", "list", "--csv").stdout)
    unchanged = run("songs", "edit", "--csv", table)

    assert unchanged.stderr == "0 songs edited, 3 as they were\n"
    assert listed(run) == before


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-8")])
def test_table_of_a_spreadsheet_is_read(delimiter, encoding, filled, run, tmp_path):
    rows = [("song_id", "artist", "tags"), (1, "Äpfel, grün", '{"upc": "400"}'), (2, "", "")]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    (tmp_path / "songs.csv").write_text(text.getvalue(), encoding)
    result = run("songs", "edit", "--csv", tmp_path / "songs.csv", "--json")
    first, second = map(json.loads, result.stdout.splitlines())

    assert (first["song_id"], first["artist"], first["tags"]) == (1, "Äpfel, grün", {"upc": "400"})
    assert (second["song_id"], second["artist"], second["tags"]) == (2, None, {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: there is no column song_id, which says which song a line is about"),
        ("song_id,titel\n1,A\n", "line 1: 'titel' is none of the columns song_id, title, artist"),
        ("song_id,title,title\n1,A,B\n", "line 1: the column title is there twice"),
        ("song_id,title\n1,A\n2,\n", "line 3: a song needs a title"),
        ("song_id,title\n1,A\n1,B\n", "line 3: song 1 is in line 2 already"),
        ("song_id,title\n1,A\n2\n", "line 3: has 1 values for 2 columns"),
        ("song_id,title\n1,A\nx,B\n", "line 3: 'x' is no number of a song"),
        ("song_id,isrc\n1,\n2,DE123\n", "line 3: 'DE123' is no ISRC, which is two letters, "),
        ("song_id,mbid\n1,\n2,DE123\n", "line 3: 'DE123' is no MusicBrainz recording, which is a UUID"),
        ("song_id,tags\n1,\n2,upc=4\n", "line 3: 'upc=4' is no JSON object of texts, such as"),
        ('song_id,tags\n1,\n2,"{""upc"": 4}"\n', "line 3: '{\"upc\": 4}' is no JSON object of texts, such as"),
        ("song_id,artist\n1,A\n2,B\0C\n", "line 3: artist is not text: "),
        (f"song_id,artist\n1,A\n2,{'B' * 1001}\n", "line 3: artist has 1001 characters, more than 1000"),
        ('song_id,title\n1,A\n2,"B\n', ": is no table of comma-separated values after line 2 ("),
        ("song_id,title\n1,A\n99,B\n", "there is no song number 99"),
    ],
)
def test_bad_table_is_one_sentence_and_changes_nothing(text, sentence, filled, run, tmp_path):
    before = listed(run)
    result = run("songs", "edit", "--csv", write(tmp_path / "songs.csv", text))

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert listed(run) == before


def test_table_that_is_not_utf_8_is_refused():
    with pytest.raises(EditRefused, match=r"songs.csv: is not text in UTF-8"):
        list(read_table(io.TextIOWrapper(io.BytesIO(b"song_id,title\n1,caf\xe9\n"), "utf-8"), "songs.csv"))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["1"],
        ["--title", "A"],
        ["1", "--title", ""],
        ["1", "--isrc", "x"],
        ["1", "--tag", "upc"],
        ["1", "--tag", "=1"],
    ],
)
def test_call_that_makes_no_sense_is_refused(arguments, filled, run):
    before = listed(run)
    result = run("songs", "edit", *arguments)

    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert listed(run) == before


def test_edits_stay_when_the_file_moves_and_when_its_bytes_change(filled, run, music, rng):
    number = listed(run)["Birch"]["song_id"]
    run("songs", "edit", number, "--title", "Beech", "--isrc", ISRC, "--tag", "upc=400")
    moved = music["Birch"].rename(music["Birch"].with_name("07 Firs - Spruce.wav"))
    run("ingest", moved)
    after_move = json.loads(run("songs", "show", number, "--json").stdout)
    synth.write_wav(moved, synth.melody(rng, 8.0))
    run("ingest", moved)
    after_change = json.loads(run("songs", "show", number, "--json").stdout)

    for song in (after_move, after_change):
        assert (song["title"], song["artist"], song["isrc"]) == ("Beech", "Firs", ISRC)
        assert (song["tags"], song["edited"], song["source"]) == ({"upc": "400"}, ["isrc", "title"], str(moved))
    assert after_change["duration_s"] == 8.0


def test_malformed_identifiers_of_a_file_count_as_none(database, run, tmp_path, rng):
    tags = {"title": "Dawn", "ISRC": "unknown", "MUSICBRAINZ_TRACKID": "0"}
    run("ingest", synth.encode(tmp_path / "x.flac", synth.melody(rng, 5, 48_000), "flac", metadata=tags))

    assert (listed(run)["Dawn"]["isrc"], listed(run)["Dawn"]["mbid"]) == (None, None)
