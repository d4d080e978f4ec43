"""Readers of some collections: what they see, what they are answered, and what they cannot learn of the others."""

from dataclasses import replace

import numpy as np
import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from songradar.db import connection as connections
from songradar.db import farm, scans, schema, sharing
from songradar.db.connection import Server
from songradar.db.search import explain, find_matches, save_search
from songradar.timeline import Playing
from tests import reach
from tests.conftest import cloned
from tests.db.questions import find, question
from tests.db.rows import active_encoder_id, add_trees, between, noisy, unit_vectors
from tests.reach import connect

TREES = 30
SHADY, SUNNY, OTHER = 7, 17, 27
"""Numbers of trees in the collections shade and sun, and in none."""

COLLECTIONS = """
    UPDATE songradar.songs
       SET collection = CASE WHEN id <= 10 THEN 'shade' WHEN id <= 20 THEN 'sun' END
"""
LIMITED = ("songs", "fragments", "encodings", "searches", "matches", "scans", "plays", "farm_files")
OPEN = {"encoders", "settings", "alembic_version", "readers"}
"""Tables that say nothing of songs; of the last, everybody reads the lines about themselves."""

N_INDEX_SCANS = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname ~ '_code_idx$'"

PLANT = """
    CREATE FUNCTION pg_temp.overheard(title text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
    $$ BEGIN RAISE NOTICE '%', title; RETURN true; END $$
"""


def trees(numbers):
    return {f"Tree {number}" for number in numbers}


@pytest.fixture(scope="module")
def forest(server):
    """The URL of a catalogue of thirty songs, searches and scans that found one of each third of them.

    Role `shady` reads the collection shade, `gardener` also sun, `keeper` all, `dweller` what `shady` reads.
    """
    with (
        server.role("shady"),
        server.role("gardener"),
        server.role("keeper"),
        server.role("dweller"),
        pytest.MonkeyPatch.context() as environment,
    ):
        databases = cloned(server, environment, "template_songradar")
        url = next(databases)
        server.execute("GRANT shady TO dweller")
        add_trees(TREES, n=40)
        with connect() as owner:
            owner.execute(COLLECTIONS)
            sharing.grant(owner, "shady", collections=["shade"])
            sharing.grant(owner, "gardener", collections=["shade", "sun"])
            sharing.grant(owner, "keeper")
            farm.enqueue(owner, "here", ["/music/1.wav", "/music/2.wav"])
            for number in (SHADY, SUNNY, OTHER):
                found = find(piece(number), exact=True)
                save_search(owner, f"{number}.wav", 4.0, active_encoder_id(), {}, [replace(found[0], accepted=True)])
                scan = scans.begin(owner, f"radio {number}.wav", None, None, active_encoder_id(), {})
                known = Playing(0.0, 60.0, found[0].song_id, found[0].title, n_fragments=200)
                scans.keep(owner, scan.id, [vars(known), vars(Playing(60.0, 90.0))], 90.0)
        yield url
        with psycopg.connect(url) as owner:
            owner.execute("DROP OWNED BY shady, gardener, keeper, dweller")
        list(databases)


@pytest.fixture
def as_role(forest):
    """Connections of roles, prepared as the program's are."""
    opened = []

    def connect_as(role):
        opened.append(connections.connect(Server(forest.replace("postgres@", f"{role}@"))))
        return opened[-1]

    yield connect_as
    for one in opened:
        one.close()


@pytest.fixture
def url(forest, monkeypatch):
    """The forest's URL, in DATABASE_URL."""
    monkeypatch.setenv("DATABASE_URL", forest)
    return forest


@pytest.fixture
def owner(url):
    """A connection of the catalogue's owner."""
    with connect() as connection:
        yield connection


def piece(number):
    """A recording of a tree."""
    return noisy(unit_vectors(40, seed=number)[11:19], np.random.default_rng(1))


def column(connection, statement):
    return [row[0] for row in connection.execute(statement)]


def test_every_table_that_says_something_of_songs_has_a_policy(database):
    with psycopg.connect(database) as connection:
        found = dict(
            connection.execute(
                "SELECT relname, relrowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)"
                "  FROM pg_class AS c"
                " WHERE relnamespace = 'songradar'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
            ).fetchall()
        )
        views = connection.execute(
            "SELECT relname, 'security_invoker=true' = ANY (reloptions) FROM pg_class"
            " WHERE relnamespace = 'songradar'::regnamespace AND relkind = 'v'"
        ).fetchall()

    assert {table for table, is_limited in found.items() if is_limited} == {*LIMITED, "readers"}
    assert set(found) == {*LIMITED, *OPEN}
    assert all(is_the_callers for _, is_the_callers in views)


@pytest.mark.parametrize(
    ("role", "seen", "named"),
    [
        ("shady", range(10), [SHADY]),
        ("dweller", range(10), [SHADY]),
        ("gardener", range(20), [SHADY, SUNNY]),
        ("keeper", range(30), [SHADY, SUNNY, OTHER]),
    ],
)
def test_reader_sees_the_songs_of_its_collections_and_what_is_kept_of_them(as_role, role, seen, named):
    reader = as_role(role)
    n_unknown = 3 if role == "keeper" else 0
    counts = {table: column(reader, f"SELECT count(*) FROM songradar.{table}") for table in LIMITED}

    assert set(column(reader, "SELECT title FROM songradar.songs_v1")) == trees(seen)
    assert set(
        column(reader, "SELECT DISTINCT title FROM songradar.songs JOIN songradar.fragments_v1 ON id = song_id")
    ) == trees(seen)
    assert column(reader, "SELECT query FROM songradar.matches_v1 ORDER BY search_id") == [f"{n}.wav" for n in named]
    assert column(reader, "SELECT title FROM songradar.plays_v1 WHERE title IS NOT NULL ORDER BY play_id") == [
        f"Tree {n}" for n in named
    ]
    assert {table: n for table, [n] in counts.items()} == {
        "songs": len(seen), "fragments": 40 * len(seen), "encodings": len(seen), "searches": len(named),
        "matches": len(named), "scans": len(named), "plays": len(named) + n_unknown,
        "farm_files": 2 if role == "keeper" else 0,
    }  # fmt: skip


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("number", [SHADY, SUNNY])
def test_answer_to_a_reader_of_a_collection_is_that_of_a_search_in_it(as_role, url, number, exact):
    """To the last digit: both are compared with the whole catalogue, as the same songs among more sound surer."""
    recording = between(unit_vectors(40, seed=number), np.arange(11, 19, 0.5))
    asked = question(recording, 0.25 * np.arange(16), exact=exact)
    mine = find_matches(as_role("shady"), asked)
    theirs = find(recording, 0.25 * np.arange(16), exact=exact, collection="shade")

    assert mine == theirs
    assert {match.title for match in mine} <= trees(range(10))
    assert (mine[0].title == f"Tree {number}") is (number == SHADY)


def test_reader_who_asks_for_other_songs_is_answered_with_none(as_role, owner):
    reader = as_role("shady")
    hidden = column(owner, "SELECT id FROM songradar.songs WHERE collection = 'sun'")

    assert find_matches(reader, question(piece(SUNNY), songs=hidden)) == []
    assert find_matches(reader, question(piece(SUNNY), collection="sun")) == []
    assert reader.execute(
        "SELECT count(*) FROM songradar.twins_v1(%s, %s)", [active_encoder_id(), hidden]
    ).fetchone() == (0,)


def test_search_of_a_reader_uses_the_index(as_role, owner):
    """In each look among all songs, as the plan says; the few songs of the collection are found by their key."""
    reader = as_role("shady")
    plan = [line for line in explain(reader, question(piece(SHADY))) if "(never executed)" not in line]
    before = column(owner, N_INDEX_SCANS)
    find_matches(reader, question(piece(SHADY)))
    reader.execute("SELECT pg_stat_force_next_flush()")
    after = column(owner, N_INDEX_SCANS)

    assert sum("code_idx on fragments_" in line for line in plan) == 2
    assert not any("Seq Scan on fragments" in line for line in plan)
    assert after > before


def test_song_that_moves_to_another_collection_is_gone_at_once(as_role, owner):
    reader = as_role("shady")
    reader.prepare_threshold = 0
    before = [match.title for match in find_matches(reader, question(piece(SHADY)))]
    owner.execute("UPDATE songradar.songs SET collection = 'sun' WHERE title = 'Tree 7'")
    after = [match.title for match in find_matches(reader, question(piece(SHADY)))]
    titles = column(reader, "SELECT title FROM songradar.songs_v1")
    owner.execute("UPDATE songradar.songs SET collection = 'shade' WHERE title = 'Tree 7'")

    assert before[0] == "Tree 7"
    assert "Tree 7" not in after
    assert set(titles) == trees(range(10)) - {"Tree 7"}


def test_grant_without_collections_lifts_the_limit_and_revoke_ends_all(as_role, owner):
    reader = as_role("shady")
    reader.prepare_threshold = 0
    counted = "SELECT count(*) FROM songradar.songs_v1"
    numbers = [column(reader, counted)]
    sharing.grant(owner, "shady")
    numbers.append(column(reader, counted))
    sharing.grant(owner, "shady", collections=["sun"])
    numbers.append(column(reader, counted))
    sharing.revoke(owner, "shady")
    with pytest.raises(InsufficientPrivilege):
        reader.execute(counted)
    with pytest.raises(InsufficientPrivilege):
        find_matches(reader, question(piece(SHADY)))
    sharing.grant(owner, "shady", collections=["shade"])

    assert numbers == [[10], [30], [10]]
    assert column(owner, "SELECT collections FROM songradar.readers WHERE role = 'shady'::regrole") == [["shade"]]


def test_what_is_hidden_is_not_in_statistics_partitions_or_sequences(as_role, owner):
    owner.execute("ANALYZE songradar.songs, songradar.fragments")
    reader = as_role("shady")

    assert (
        column(reader, "SELECT tablename FROM pg_stats WHERE schemaname = 'songradar' AND tablename <> 'encoders'")
        == []
    )
    for statement in (
        f"SELECT * FROM songradar.fragments_{active_encoder_id()}",
        "SELECT last_value FROM songradar.songs_id_seq",
    ):
        with pytest.raises(InsufficientPrivilege):
            reader.execute(statement)
    assert column(reader, "SELECT collections FROM songradar.readers") == [["shade"]]
    assert column(reader, "SELECT songradar.seen_collections_v1('gardener')") == [[]]


def test_function_or_error_of_the_readers_own_meets_no_hidden_row(as_role):
    reader, heard = as_role("shady"), []
    reader.add_notice_handler(lambda notice: heard.append(notice.message_primary))
    reader.execute(PLANT)
    for table in ("songs", "songs_v1"):
        reader.execute(f"SELECT FROM songradar.{table} WHERE pg_temp.overheard(title)")
    provoked = column(
        reader, "SELECT id FROM songradar.songs WHERE 1 / (CASE title WHEN 'Tree 17' THEN 0 ELSE 1 END) = 1"
    )

    assert set(heard) == trees(range(10))
    assert len(provoked) == 10


def test_search_knows_who_asks_through_set_role_and_functions_of_others(as_role, owner):
    """match_v1 runs as its owner, and a function that runs as another role does not widen what its caller sees."""
    dweller = as_role("dweller")
    owner.execute("CREATE SCHEMA yard AUTHORIZATION keeper")
    theirs = as_role("keeper")
    theirs.execute("GRANT USAGE ON SCHEMA yard TO shady")
    theirs.execute(
        "CREATE FUNCTION yard.named(integer, public.halfvec[], real[]) RETURNS SETOF songradar.match_row_v1"
        " LANGUAGE sql SECURITY DEFINER RETURN songradar.match_v1($1, $2, $3)"
    )
    sunny = question(piece(SUNNY)).parameters
    asked = "SELECT song_id FROM {}(%(encoder_id)s, %(query)b, %(offsets_s)s::real[])"
    through = dweller.execute(asked.format("yard.named"), sunny).fetchall()
    dweller.execute("SET ROLE shady")
    as_shady = dweller.execute(asked.format("songradar.match_v1"), sunny).fetchall()
    owner.execute("SET ROLE shady")
    owner_as_shady = owner.execute(asked.format("songradar.match_v1"), sunny).fetchall()
    owner.execute("RESET ROLE")
    owner.execute("DROP SCHEMA yard CASCADE")

    assert all((through, as_shady, owner_as_shady))
    assert {song_id for (song_id,) in (*through, *as_shady, *owner_as_shady)} <= set(range(1, 11))


def test_commands_of_a_reader_know_its_songs_alone(url, forest, run, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", forest.replace("postgres@", "shady@"))
    listed, status, shown = run("songs", "list", "--json"), run("status"), run("songs", "show", "17")
    pairs, absent = run("songs", "duplicates"), run("songs", "duplicates", "--collection", "sun")

    assert {line.split('"title": "')[1].split('"')[0] for line in listed.stdout.splitlines()} == trees(range(10))
    assert "songs       10\n" in status.stdout
    assert "searches    1\n" in status.stdout
    assert "there is no song number 17" in shown.stderr
    assert pairs.exit_code == 1  # none is twice there
    assert "the catalogue has no song in the collection sun" in absent.stderr


def test_collections_are_granted_on_the_command_line(url, run):
    granted = run("db", "grant", "shady", "--collection", "shade", "--collection", "moss")
    refused = run("db", "grant", "shady", "--write", "--collection", "shade")

    assert granted.stdout == "shady may read the songs in shade, moss\n"
    assert granted.stderr == "no song is in the collection moss yet\n"
    assert refused.exit_code == 2
    assert "--write and --collection exclude each other" in refused.stderr
    with connect() as connection:
        sharing.grant(connection, "shady", collections=["shade"])


def test_reader_of_a_collection_loses_all_rights_by_a_downgrade_and_other_readers_none(server, database):
    add_trees(1, n=5)
    with server.role("stroller"), server.role("owl"):
        with connect() as connection:
            sharing.grant(connection, "stroller", collections=["shade"])
            sharing.grant(connection, "owl")
        schema.downgrade(reach.server(), "20261127_twins")
        with psycopg.connect(database.replace("postgres@", "owl@")) as reader:
            before = column(reader, "SELECT title FROM songradar.songs_v1")
        with (
            psycopg.connect(database.replace("postgres@", "stroller@")) as reader,
            pytest.raises(InsufficientPrivilege),
        ):
            reader.execute("SELECT title FROM songradar.songs_v1")
        schema.upgrade(reach.server())
        with psycopg.connect(database.replace("postgres@", "owl@")) as reader:
            after = column(reader, "SELECT title FROM songradar.songs_v1")
        with connect() as connection:
            sharing.revoke(connection, "owl")

    assert (before, after) == (["Tree 0"], ["Tree 0"])
