"""The encoders of a catalogue."""

import dataclasses
import json
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from songradar.db import encoders
from songradar.db.errors import EncoderMismatch, EncoderUnknown, TransactionsInTheWay
from songradar.ml.errors import EncoderFileError
from songradar.ml.package import EncoderPackage, read_package, write_package
from tests.db.rows import add_song, new_encoder, remove_encoder
from tests.reach import engine
from tests.toy_encoder import write_toy_encoder

CALIBRATION = (
    """{"fragments": [1, 29], "intercept": [-3, -2], "lead": [1, 2], "peak": [3, 4], "threshold": [0.9, 0.8]}"""
)


@pytest.fixture
def other(tmp_path):
    """Another network than the one that the catalogue has."""
    return new_encoder(write_toy_encoder(tmp_path / "other", seed=1))


def test_the_first_encoder_is_active_and_the_second_waits(database, other):
    encoders.add_encoder(engine(), other)

    assert [(e.name, e.active) for e in encoders.encoders(engine())] == [("other", False), ("toy", True)]


def test_adding_the_same_encoder_again_does_nothing(database, toy_folder):
    assert encoders.add_encoder(engine(), new_encoder(toy_folder)) is False


def test_adding_it_again_brings_its_calibration_up_to_date(database, toy_folder):
    weights = json.loads(CALIBRATION)
    encoders.add_encoder(engine(), dataclasses.replace(new_encoder(toy_folder), calibration=weights))

    assert encoders.read_whole(engine(), "toy").calibration == weights


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("calibration.json", '{"intercept": [1]}', "has no numbers under fragments"),
        ("calibration.json", CALIBRATION.replace("[1, 2]", "[1]"), "has 1 numbers under lead, not 2"),
        ("calibration.json", CALIBRATION.replace("[1, 29]", "[29, 1]"), "do not ascend"),
        ("cohort.npy", "not an array", "is no array of NumPy"),
        ("calibration.json", "not JSON", "is not JSON"),
        ("spec.json", "[]", "AudioSpec is incomplete"),
    ],
)
def test_encoder_with_a_broken_file_is_refused(file, text, sentence, tmp_path):
    folder = write_toy_encoder(tmp_path / "toy")
    (folder / file).write_text(text)

    with pytest.raises(EncoderFileError, match=sentence):
        read_package(folder)


def test_encoder_that_never_moves_on_is_refused(tmp_path):
    folder = write_toy_encoder(tmp_path / "toy")
    spec = (folder / "spec.json").read_text()
    (folder / "spec.json").write_text(spec.replace('"hop_s": 0.5', '"hop_s": 0'))

    with pytest.raises(EncoderFileError, match="hop_s=0 is no positive number"):
        read_package(folder)


def test_name_that_the_database_would_refuse_is_a_sentence(tmp_path):
    with pytest.raises(EncoderFileError, match="'en c2' is no name for an encoder"):
        new_encoder(write_toy_encoder(tmp_path / "en c2"))


def test_one_encoder_added_by_many_at_once_is_added_once(database, other):
    with ThreadPoolExecutor(6) as pool:
        added = list(pool.map(lambda _: encoders.add_encoder(engine(), other), range(6)))

    assert sorted(added) == [False] * 5 + [True]


def test_a_name_never_stands_for_two_networks(database, tmp_path):
    impostor = new_encoder(write_toy_encoder(tmp_path / "toy", seed=1))

    with pytest.raises(EncoderMismatch, match="toy in the database is another network"):
        encoders.add_encoder(engine(), impostor)


def test_a_network_never_has_two_names(database, toy_folder):
    with pytest.raises(EncoderMismatch, match="toy in the database is the same network as twin"):
        encoders.add_encoder(engine(), new_encoder(toy_folder, "twin"))


def test_use_moves_the_star(database, other):
    encoders.add_encoder(engine(), other)
    encoders.use_encoder(engine(), "other")

    assert [e.name for e in encoders.encoders(engine()) if e.active] == ["other"]


def test_removing_an_encoder_drops_its_partition_and_keeps_the_songs(database):
    add_song("Amber", n=20)

    assert remove_encoder("toy") == 20
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM songradar.songs").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM pg_partition_tree('songradar.fragments')").fetchone() == (1,)


def test_unknown_encoder_is_an_error_everywhere(database):
    for act in (encoders.use_encoder, encoders.read_whole):
        with pytest.raises(EncoderUnknown, match="no encoder called nix"):
            act(engine(), "nix")
    with pytest.raises(EncoderUnknown, match="no encoder called nix"):
        remove_encoder("nix")


def test_an_encoder_survives_the_way_out_of_the_database_and_back(database, tmp_path):
    stored = EncoderPackage(**vars(encoders.read_whole(engine(), "toy")))
    write_package(stored, tmp_path / "toy")

    assert read_package(tmp_path / "toy") == stored


def ingestion(database, *, then):
    """A song is being stored by one session while another does `then`; whether each went well."""
    with psycopg.connect(database) as session, ThreadPoolExecutor(1) as thread:
        (song_id,) = session.execute(
            "INSERT INTO songradar.songs (title, duration_s, source, host, sha256, size_bytes, modified_at)"
            " VALUES ('Amber', 1, '/a', 'here', decode(repeat('00', 32), 'hex'), 1, now()) RETURNING id"
        ).fetchone()
        meanwhile = thread.submit(then)
        wait_for_a_lock(database)
        session.execute(
            "INSERT INTO songradar.fragments SELECT id, %s, 0, array_fill(0, ARRAY[64])::halfvec"
            "  FROM songradar.encoders WHERE active",
            [song_id],
        )
        session.commit()
        return meanwhile.result(timeout=30)


def wait_for_a_lock(database):
    """Until a session waits for another."""
    with psycopg.connect(database, autocommit=True) as observer:
        for _ in range(200):
            if observer.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]:
                return
            time.sleep(0.05)
    raise AssertionError("nobody waits")


def test_encoder_is_added_while_a_song_is_being_stored(database, other):
    assert ingestion(database, then=lambda: encoders.add_encoder(engine(), other))
    assert [encoder.name for encoder in encoders.encoders(engine())] == ["other", "toy"]


def test_encoder_is_removed_while_a_song_is_being_stored(database, other):
    encoders.add_encoder(engine(), other)

    assert ingestion(database, then=lambda: remove_encoder("other")) == 0
    assert [encoder.name for encoder in encoders.encoders(engine())] == ["toy"]


def test_removal_does_not_hang_behind_a_transaction_and_is_finished_later(database, other, monkeypatch, run):
    """Nobody asks for the fragments of an encoder that is gone, so its partition may go when all have let go of it."""
    monkeypatch.setattr(encoders, "LOCK_S", 1)
    add_song("Amber", n=20)
    encoders.add_encoder(engine(), other)
    with psycopg.connect(database) as reader:
        reader.execute("SELECT count(*) FROM songradar.fragments")
        with pytest.raises(TransactionsInTheWay, match="the encoder is removed, but its fragments still take space"):
            remove_encoder("toy")

        assert [encoder.name for encoder in encoders.encoders(engine())] == ["other"]
    assert run("db", "reindex").exit_code == 0
    with psycopg.connect(database) as connection:
        partitions = connection.execute("SELECT count(*) FROM pg_partition_tree('songradar.fragments')").fetchone()
        tables = connection.execute("SELECT count(*) FROM pg_class WHERE relname ~ '^fragments_[0-9]+$'").fetchone()

    assert (partitions, tables) == ((2,), (1,))


def test_searches_wait_a_second_at_most_while_a_removal_waits(database, other):
    """The partition's foreign key makes dropping it wait for all who use songs, and others would wait behind it."""
    encoders.add_encoder(engine(), other)
    with (
        ThreadPoolExecutor(1) as thread,
        psycopg.connect(database) as session,
        psycopg.connect(database, autocommit=True) as searching,
    ):
        session.execute("SELECT count(*) FROM songradar.songs")
        removal = thread.submit(remove_encoder, "other")
        waits_s = []
        for _ in range(25):
            started = time.monotonic()
            searching.execute("SELECT count(*) FROM songradar.songs")
            waits_s.append(time.monotonic() - started)
            time.sleep(0.1)
        session.commit()

        assert removal.result(timeout=30) == 0
    assert max(waits_s) < 2


def test_new_partition_is_like_the_others(database, other):
    """Attached, not created in place, it has the same columns, keys and constraints."""
    encoders.add_encoder(engine(), other)
    with psycopg.connect(database) as connection:
        shapes = connection.execute(
            "SELECT c.conrelid, array_agg(regexp_replace(c.conname, '_[0-9]+_', '_n_') ORDER BY c.conname),"
            "       array_agg(pg_get_constraintdef(c.oid) ORDER BY c.conname)"
            "  FROM pg_constraint AS c JOIN pg_inherits AS i ON i.inhrelid = c.conrelid"
            " WHERE i.inhparent = 'songradar.fragments'::regclass GROUP BY c.conrelid"
        ).fetchall()

    assert len(shapes) == 2
    assert shapes[0][1:] == shapes[1][1:]
    assert any("FOREIGN KEY (song_id)" in definition for definition in shapes[0][2])
    assert not any("encoder_id =" in definition for definition in shapes[0][2])


def test_two_encoders_chosen_at_once_are_chosen_one_after_the_other(database, other, tmp_path):
    encoders.add_encoder(engine(), other)
    encoders.add_encoder(engine(), new_encoder(write_toy_encoder(tmp_path / "third", seed=2)))
    with ThreadPoolExecutor(2) as pool:
        with psycopg.connect(database) as connection:
            connection.execute("SELECT FROM songradar.encoders WHERE name = 'toy' FOR UPDATE")
            choosing = [pool.submit(encoders.use_encoder, engine(), name) for name in ("other", "third")]
            time.sleep(0.5)

        assert [each.result() for each in choosing] == [None, None]
    assert [e.active for e in encoders.encoders(engine())].count(True) == 1
