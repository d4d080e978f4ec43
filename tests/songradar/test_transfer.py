"""Songs travel in a file, whole or not at all."""

import json

import pytest

from songradar import Catalogue, SearchOptions, encoders
from songradar.archive import FRAGMENTS, MANIFEST, SONGS, ArchiveUnusable
from songradar.db import sharing
from songradar.db.errors import CatalogueEmpty, EncoderMismatch, NotAllowed, SongUnknown
from songradar.identify import identify
from songradar.ingest import ingest
from songradar.transfer import ExportOptions, export_songs, import_songs
from tests import synth
from tests.songradar.archives import members, rewritten
from tests.toy_encoder import write_toy_encoder


def ask(catalogue, statement: str) -> list[tuple]:
    with catalogue.connection() as connection:
        return connection.execute(statement).fetchall()


def songs_of(catalogue) -> list[tuple]:
    return ask(
        catalogue,
        "SELECT title, artist, album, collection, isrc, mbid::text, tags, edited, duration_s, source, host, sha256,"
        " size_bytes, modified_at FROM songradar.songs ORDER BY title",
    )


def fragments_of(catalogue) -> list[tuple]:
    return ask(
        catalogue,
        "SELECT s.title, f.position, f.embedding::text FROM songradar.fragments AS f"
        " JOIN songradar.songs AS s ON s.id = f.song_id ORDER BY 1, 2",
    )


def test_imported_catalogue_is_equal_and_answers_the_same(source, target, file, music):
    done = import_songs(target, file)
    options = SearchOptions(exact=True)
    before, after = (identify(catalogue, music["Birch"], options).matches for catalogue in (source, target))
    strip = lambda match: {key: value for key, value in vars(match).items() if key != "song_id"}

    assert (done.added, done.present, done.fragments, done.encoder_is_new) == (3, 0, 69, True)
    assert songs_of(target) == songs_of(source)
    assert fragments_of(target) == fragments_of(source)
    assert list(map(strip, after)) == list(map(strip, before))
    assert identify(target, music["Birch"]).matched


def test_importing_again_changes_nothing(target, file):
    import_songs(target, file)
    before = songs_of(target), fragments_of(target)
    again = import_songs(target, file, collection="elsewhere")

    assert (again.added, again.present, again.fragments, again.encoder_is_new) == (0, 3, 0, False)
    assert (songs_of(target), fragments_of(target)) == before


def test_song_that_was_only_named_gets_its_fragments(target, file):
    import_songs(target, file)
    before = fragments_of(target)
    with target.connection() as connection:
        connection.execute("DELETE FROM songradar.fragments WHERE song_id = 1")
        connection.execute("DELETE FROM songradar.encodings WHERE song_id = 1")
    done = import_songs(target, file)

    assert (done.added, done.present, done.fragments) == (1, 2, 23)
    assert fragments_of(target) == before


def test_file_is_a_zip_that_everybody_can_read(file):
    held = members(file)
    manifest = json.loads(held[MANIFEST])
    lines = [json.loads(line) for line in held[SONGS].splitlines()]

    assert {name for name in held if not name.startswith("encoder/")} == {SONGS, FRAGMENTS, MANIFEST}
    assert {"encoder/encoder.onnx", "encoder/spec.json"} <= set(held)
    assert (manifest["songs"], manifest["fragments"], manifest["encoder"]) == (3, 69, "toy")
    assert sorted(line["title"] for line in lines) == ["Amber", "Birch", "Cedar"]
    assert lines[1]["tags"] == {"upc": "400"}


def test_fragments_are_what_copy_of_postgresql_reads(file, source):
    with source.connection() as connection, connection.transaction():
        connection.execute(
            "CREATE TEMP TABLE came ON COMMIT DROP AS"
            " SELECT song_id AS number, position, embedding FROM songradar.fragments WITH NO DATA"
        )
        with connection.cursor().copy("COPY came FROM STDIN (FORMAT binary)") as copy:
            copy.write(members(file)[FRAGMENTS])
        assert connection.execute("SELECT count(*) FROM came").fetchone() == (69,)


def test_choice_of_songs_is_exported(source, tmp_path, target):
    with source.connection() as connection:
        connection.execute("UPDATE songradar.songs SET artist = 'Moss' WHERE title = 'Cedar'")
    exported = export_songs(source, tmp_path / "some", ExportOptions(artist="the trees", collection="wood"))
    with pytest.raises(SongUnknown, match="no song by Nobody"):
        export_songs(source, tmp_path / "none", ExportOptions(artist="Nobody"))
    import_songs(target, tmp_path / "some", collection="label")

    assert exported.manifest.songs == 2
    assert not (tmp_path / "none").exists()
    assert [(song[0], song[3]) for song in songs_of(target)] == [("Amber", "label"), ("Birch", "label")]


def test_songs_that_the_encoder_has_not_encoded_are_left_out_and_counted(source, tmp_path):
    with source.connection() as connection:
        connection.execute("DELETE FROM songradar.encodings WHERE song_id = 1")

    assert export_songs(source, tmp_path / "two").left_out == 1


def test_without_paths_a_file_tells_names_alone(source, target, tmp_path, music):
    export_songs(source, tmp_path / "names", ExportOptions(paths=False))
    import_songs(target, tmp_path / "names")

    assert {(song[9], song[10]) for song in songs_of(target)} == {(path.name, "") for path in music.values()}
    assert str(tmp_path).encode() not in members(tmp_path / "names")[SONGS]


def test_song_that_came_without_its_file_finds_it(source, target, tmp_path, music):
    export_songs(source, tmp_path / "names", ExportOptions(paths=False))
    import_songs(target, tmp_path / "names")
    before = ask(target, "SELECT id, title FROM songradar.songs ORDER BY id")

    outcomes = [event.outcome for event in ingest(target, music["Amber"].parent)]

    assert outcomes == 3 * ["already there"]
    assert ask(target, "SELECT id, title FROM songradar.songs ORDER BY id") == before
    assert {row[0] for row in ask(target, "SELECT source FROM songradar.songs")} == set(map(str, music.values()))
    assert {row[0] for row in ask(target, "SELECT host FROM songradar.songs")} == {target.host}


def test_without_its_network_a_file_is_for_catalogues_that_have_it(source, target, tmp_path, toy_folder):
    export_songs(source, tmp_path / "bare", ExportOptions(network=False))
    with pytest.raises(ArchiveUnusable, match="is encoded by toy, a network that is neither in the file nor in the"):
        import_songs(target, tmp_path / "bare")
    encoders.add(target, toy_folder, "mine")

    assert import_songs(target, tmp_path / "bare").encoder == "mine"


def test_other_network_of_the_same_name_is_refused(target, file, tmp_path):
    encoders.add(target, write_toy_encoder(tmp_path / "toy", seed=1))

    with pytest.raises(EncoderMismatch, match="the encoder toy in the database is another network"):
        import_songs(target, file)
    assert songs_of(target) == []


def test_the_same_network_that_cuts_otherwise_is_refused(target, file):
    spec = json.loads(members(file)[MANIFEST])["spec"]
    import_songs(target, file)

    with pytest.raises(EncoderMismatch, match=r"cut with hop_s 0\.25, and those here, by encoder toy, with 0\.5"):
        import_songs(target, rewritten(file, manifest={"spec": spec | {"hop_s": 0.25}}))


def test_new_encoder_becomes_active_only_where_there_is_none(target, file, tmp_path):
    encoders.add(target, write_toy_encoder(tmp_path / "other", seed=1))
    import_songs(target, file)

    assert {e.name: (e.active, e.songs) for e in encoders.summaries(target)} == {"other": (True, 0), "toy": (False, 3)}


def test_path_that_stands_for_other_bytes_is_left_out_and_named(target, file, music, rng, run):
    import_songs(target, file)
    synth.write_wav(music["Birch"], synth.melody(rng, 8.0))
    list(ingest(target, music["Birch"]))
    result = run("import", file)
    with target.connection() as connection:
        (number,) = connection.execute("SELECT id FROM songradar.songs WHERE title = 'Birch'").fetchone()

    assert result.exit_code == 1
    assert result.stdout.startswith(f"{file}: 0 added, 2 already there, 1 left out; 0 fragments by toy")
    assert result.stderr == f"{music['Birch']}: left out, as song {number} is another version of this file\n"


def test_existing_file_is_left_alone_and_a_failed_one_is_removed(source, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ArchiveUnusable, match="is there already"):
        export_songs(source, tmp_path / "mine")
    with pytest.raises(ArchiveUnusable, match="cannot be written"):
        export_songs(source, tmp_path / "nowhere" / "x")
    with pytest.raises(CatalogueEmpty), Catalogue.temporary() as empty:
        export_songs(empty, tmp_path / "empty")

    assert (tmp_path / "mine").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "music"}


def test_writer_exports_and_imports_but_adds_no_encoder(server, target, file, tmp_path, toy_folder):
    with server.role("clerk"):
        with target.connection() as connection:
            sharing.grant(connection, "clerk", write=True)
        with Catalogue.open(target.server.url.replace("postgres@", "clerk@")) as mine:
            with pytest.raises(NotAllowed, match="brings a new encoder, which the owner"):
                import_songs(mine, file)
            encoders.add(target, toy_folder)
            added = import_songs(mine, file).added
            exported = export_songs(mine, tmp_path / "again").manifest.songs
        with target.connection() as connection:
            sharing.revoke(connection, "clerk")

    assert (added, exported) == (3, 3)


def test_missing_file_is_one_sentence(database, run, tmp_path):
    result = run("import", tmp_path / "none")

    assert (result.exit_code, result.stderr) == (2, f"songradar: {tmp_path}/none: does not exist\n")


def test_commands_tell_what_they_did(source, target, run, tmp_path, monkeypatch, database):
    monkeypatch.setenv("DATABASE_URL", database)
    exported = run("export", tmp_path / "songs", "--collection", "wood", "--json")
    monkeypatch.setenv("DATABASE_URL", target.server.url)
    imported = run("import", tmp_path / "songs", "--json")

    assert json.loads(exported.stdout) | {"bytes": 0} == {
        "file": str(tmp_path / "songs"), "songs": 3, "fragments": 69, "encoder": "toy", "left_out": 0, "bytes": 0
    }  # fmt: skip
    assert json.loads(imported.stdout) == {
        "encoder": "toy", "encoder_is_new": True, "added": 3, "present": 0, "fragments": 69, "conflicts": {}
    }  # fmt: skip
