"""Looking after songs, encoders and the database on the command line."""

import csv
import json

import psycopg
import pytest

from songradar.db.connection import HEAD
from tests import synth
from tests.reach import connect
from tests.toy_encoder import write_toy_encoder


@pytest.fixture
def filled(database, run, music):
    run("ingest", music["Amber"].parent)
    return database


def test_songs_are_listed_with_number_and_length(filled, run):
    lines = run("songs", "list").stdout.splitlines()

    assert lines[0].split() == ["song", "title", "artist", "album", "length"]
    assert lines[1].split()[1:] == ["Amber", "The", "Trees", "0:12"]
    assert len(lines) == 4


def test_songs_are_filtered_by_text(filled, run):
    (song,) = [json.loads(line) for line in run("songs", "list", "birch", "--json").stdout.splitlines()]

    assert song["title"] == "Birch"


def test_songs_are_listed_by_their_collections(filled, run):
    run("songs", "edit", 1, 2, "--collection", "archive")
    listed = [
        json.loads(line)["song_id"]
        for line in run("songs", "list", "--collection", "archive", "--json").stdout.splitlines()
    ]
    told = [json.loads(line) for line in run("songs", "collections", "--json").stdout.splitlines()]

    assert sorted(listed) == [1, 2]
    assert told == [
        {"name": "archive", "songs": 2, "duration_s": 24.0},
        {"name": None, "songs": 1, "duration_s": 12.0},
    ]
    assert run("songs", "collections").stdout.splitlines()[1].split() == ["archive", "2", "0:24"]


def test_song_is_shown_and_removed(filled, run):
    song_id = json.loads(run("songs", "list", "birch", "--json").stdout)["song_id"]
    shown = run("songs", "show", song_id).stdout
    removed = run("songs", "remove", song_id, "--yes")
    gone = run("songs", "show", song_id)

    assert "title          Birch" in shown
    assert removed.stdout == f"{song_id}: removed Birch by The Trees\n"
    assert (gone.exit_code, gone.stderr) == (2, f"songradar: there is no song number {song_id}\n")


def test_removal_is_asked_about(filled, run):
    song_id = json.loads(run("songs", "list", "birch", "--json").stdout)["song_id"]
    result = run("songs", "remove", song_id, input="n\n")

    assert result.exit_code == 1
    assert len(run("songs", "list", "--json").stdout.splitlines()) == 3


def test_encoders_are_listed_chosen_exported_and_removed(filled, run, tmp_path):
    run("encoders", "add", write_toy_encoder(tmp_path / "other", seed=1))
    run("encoders", "use", "other")
    listed = [json.loads(line) for line in run("encoders", "list", "--json").stdout.splitlines()]
    run("encoders", "export", "other", "-o", tmp_path / "copy")
    removed = run("encoders", "remove", "toy", "--yes")

    assert [(e["name"], e["active"], e["songs"], e["fragments"]) for e in listed] == [
        ("other", True, 0, 0), ("toy", False, 3, 69)
    ]  # fmt: skip
    assert (tmp_path / "copy" / "encoder.onnx").read_bytes() == (tmp_path / "other" / "encoder.onnx").read_bytes()
    assert removed.stdout == "toy: removed with 69 fragments\n"


def test_stats_add_up(filled, run):
    stats = json.loads(run("db", "stats", "--json").stdout)

    assert (stats["songs"], stats["fragments"], stats["hours"]) == (3, 69, pytest.approx(0.01))
    assert stats["bytes_heap"] + stats["bytes_index"] == stats["bytes_total"] > 0


def test_stats_of_an_empty_catalogue_are_zero(database, run):
    assert run("db", "stats").stdout.startswith("0 songs, 0.00 h of audio, 0 fragments\n")


def test_stats_for_people_name_the_index(filled, run):
    lines = run("db", "stats").stdout.splitlines()

    assert "index of toy: 1 list" in lines
    assert lines[-2].startswith("0 dead rows")


def test_reindexing_tells_how_many_lists(filled, run):
    assert run("db", "reindex").stdout.startswith("toy: ")
    assert run("db", "reindex", "--encoder", "nix").exit_code == 2


def test_songs_can_be_encoded_again_and_searches_switch(filled, run, tmp_path):
    run("encoders", "add", write_toy_encoder(tmp_path / "other", seed=1))
    result = run("encoders", "reencode", "other")

    assert result.stdout.splitlines()[-1] == "other is active"
    assert json.loads(run("db", "stats", "--json").stdout)["fragments"] == 2 * 69
    assert run("encoders", "reencode", "other").stdout.splitlines()[-1] == "other is active"
    assert run("encoders", "remove", "toy", "--yes").exit_code == 0


def test_searches_do_not_switch_while_a_song_is_missing(filled, run, tmp_path, music):
    run("encoders", "add", write_toy_encoder(tmp_path / "other", seed=1))
    music["Birch"].rename(tmp_path / "elsewhere.wav")
    result = run("encoders", "reencode", "other")

    assert result.exit_code == 1
    assert "1 song not encoded by other, so searches do not use it yet" in result.stderr
    assert json.loads(run("status", "--json").stdout)["encoder"] == "toy"

    (tmp_path / "elsewhere.wav").rename(music["Birch"])
    assert run("encoders", "reencode", "other").exit_code == 0


def test_songs_on_another_machine_are_named(filled, run, tmp_path):
    run("encoders", "add", write_toy_encoder(tmp_path / "other", seed=1))
    with psycopg.connect(filled) as connection:
        connection.execute("UPDATE songradar.songs SET host = 'attic' WHERE title = 'Birch'")
    result = run("encoders", "reencode", "other")

    assert result.exit_code == 1
    assert "Birch.wav: is on attic; run this there, too" in result.stderr


def test_status_tells_where_and_what(filled, run):
    status = json.loads(run("status", "--json").stdout)

    assert status["database"].rpartition("/")[2] == filled.partition("?")[0].rpartition("/")[2]
    assert (status["schema"], status["encoder"], status["songs"]) == (HEAD, "toy", 3)


def test_schema_commands_go_down_and_up(filled, run):
    assert run("db", "status").stdout == f"schema is at {HEAD}, the newest\n"
    assert run("db", "downgrade", "base", "--yes").stdout == "schema is at base\n"
    assert run("db", "status").exit_code == 1
    assert run("db", "upgrade").stdout == f"schema is at {HEAD}\n"
    assert HEAD in run("db", "history").stdout


def test_psql_runs_on_the_catalogue(filled, run, capfd):
    result = run("db", "psql", "--", "-Atc", "SELECT title FROM songs_v1 ORDER BY 1 LIMIT 1")

    assert result.exit_code == 0
    assert capfd.readouterr().out == "Amber\n"


def test_encoder_that_has_not_encoded_all_songs_says_so_and_status_tells(filled, run, tmp_path):
    run("encoders", "add", write_toy_encoder(tmp_path / "other", seed=1))
    used, status = run("encoders", "use", "other"), run("status")
    as_json = json.loads(run("status", "--json").stdout)
    run("encoders", "reencode", "other")

    assert used.stderr == "3 songs not encoded by it cannot be found: songradar encoders reencode other\n"
    assert "advice: 3 songs cannot be found by encoder other: songradar encoders reencode other" in status.stderr
    assert as_json["songs_not_encoded"] == 3
    assert "cannot be found" not in run("status").stderr


def test_songs_come_as_csv_in_the_order_asked_for(filled, run):
    lines = run("songs", "list", "--sort", "added", "--csv").stdout.splitlines()
    titles = [row["title"] for row in csv.DictReader(lines)]

    assert lines[0] == "song_id,title,artist,album,collection,isrc,mbid,tags,duration_s,source,sha256,added_at"
    assert sorted(titles) == ["Amber", "Birch", "Cedar"]


def test_list_of_songs_fits_sixty_columns(database, run, tmp_path, rng, monkeypatch):
    song = synth.melody(rng, 6.0, 48_000)
    tags = {"title": "A Title of Many Words " * 4, "artist": "An Orchestra of the Name " * 3, "album": "Album " * 9}
    run("ingest", synth.encode(tmp_path / "song.flac", song, "flac", metadata=tags))
    monkeypatch.setenv("COLUMNS", "60")
    lines = run("songs", "list").stdout.splitlines()

    assert max(map(len, lines)) <= 60
    assert "A Title" in lines[1]
    assert "An Orch" in lines[1]


def test_song_tells_its_fragments_and_when_it_was_found(filled, run, music):
    song_id = json.loads(run("songs", "list", "birch", "--json").stdout)["song_id"]
    before = json.loads(run("songs", "show", song_id, "--json").stdout)
    run("search", music["Birch"])
    after = json.loads(run("songs", "show", song_id, "--json").stdout)

    assert (before["fragments"], before["times_found"], before["last_found_at"]) == ({"toy": 23}, 0, None)
    assert (after["times_found"], after["last_found_at"] is None) == (1, False)


def test_grant_on_the_embedded_server_says_that_nobody_else_can_log_in(home, run):
    run("status")
    with connect() as connection:
        connection.execute("CREATE ROLE radio LOGIN")
    granted, revoked = run("db", "grant", "radio"), run("db", "revoke", "radio")

    assert granted.stdout == "radio may read\n"
    assert "no other role can log in there" in granted.stderr
    assert revoked.stdout == "radio: all rights revoked\n"


def test_missing_right_names_the_grant_that_helps(filled, run, server, monkeypatch, music):
    with server.role("radio"):
        run("db", "grant", "radio")
        monkeypatch.setenv("DATABASE_URL", filled.replace("postgres@", "radio@"))
        refused = run("songs", "remove", 1, "--yes")
        monkeypatch.setenv("DATABASE_URL", filled)
        run("db", "revoke", "radio")

    assert refused.exit_code == 2
    assert "permission denied" in refused.stderr
    assert "songradar db grant ROLE, with --write for changes" in refused.stderr


def test_pgvector_that_is_old_for_postgresql_18_is_advised_against(filled, run):
    with psycopg.connect(filled) as connection:
        connection.execute("UPDATE pg_extension SET extversion = '0.8.2' WHERE extname = 'vector'")
    status = run("status")

    assert status.exit_code == 0
    assert "advice: pgvector 0.8.2 on PostgreSQL 18" in status.stderr
    assert "0.8.3 or later is recommended there" in status.stderr
