"""Nobody without rights stops an upgrade, or has code of theirs run by those who use the catalogue."""

import psycopg
import pytest

from songradar.db import schema
from songradar.db.errors import DatabaseError
from tests import reach
from tests.db.rows import add_song
from tests.reach import connect

PLANTED = """
    CREATE TABLE public.caught (who text);
    CREATE FUNCTION public.json_build_object(text, integer, text, text) RETURNS json LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user); RETURN '{}'::json; END $$;
    CREATE FUNCTION public.json_build_object(text, bigint) RETURNS json LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user); RETURN '{}'::json; END $$;
"""
DIVIDE = """
    CREATE TABLE public.caught (who text);
    CREATE FUNCTION public.divide(real, integer) RETURNS real LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.caught VALUES (current_user); RETURN 1; END $$;
    CREATE OPERATOR public./ (FUNCTION = public.divide, LEFTARG = real, RIGHTARG = integer);
"""
SQRT = "CREATE FUNCTION public.sqrt(real) RETURNS double precision LANGUAGE sql RETURN 1.0"
PLUS = """
    CREATE FUNCTION public.plus(double precision, numeric) RETURNS double precision LANGUAGE sql RETURN 1.0;
    CREATE OPERATOR public.+ (FUNCTION = public.plus, LEFTARG = double precision, RIGHTARG = numeric);
"""


@pytest.fixture
def stranger(server, empty_database):
    """A connection of a role that owns nothing here."""
    with server.role("stranger"):
        with psycopg.connect(empty_database.replace("postgres@", "stranger@"), autocommit=True) as connection:
            yield connection
        with psycopg.connect(empty_database, autocommit=True) as owner:
            owner.execute("DROP OWNED BY stranger CASCADE")


@pytest.fixture
def owner(empty_database):
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


def test_every_function_is_bound_when_it_is_made_or_looks_into_pg_catalog_alone(database):
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT p.proname, l.lanname, p.prosqlbody IS NOT NULL, p.proconfig"
            "  FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang"
            " WHERE p.pronamespace = 'songradar'::regnamespace"
        ).fetchall()

    assert {language for _, language, _, _ in found} == {"sql", "plpgsql"}
    for name, language, is_bound, settings in found:
        assert is_bound if language == "sql" else "search_path=pg_catalog, pg_temp" in settings, name


def test_lock_that_anybody_may_take_stops_an_upgrade_for_a_while_only(stranger, owner, run, monkeypatch):
    monkeypatch.setattr(schema, "LOCK_S", 1)
    (pid,) = stranger.execute("SELECT pg_backend_pid() FROM pg_advisory_lock(%s)", [schema.LOCK]).fetchone()
    result = run("db", "upgrade")

    assert result.exit_code == 2
    assert f"process {pid} of stranger holds advisory lock {schema.LOCK}" in result.stderr
    assert owner.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (0,)

    stranger.execute("SELECT pg_advisory_unlock_all()")
    assert run("db", "upgrade").exit_code == 0


def test_upgrade_waits_for_no_table_for_ever(owner, run, monkeypatch):
    schema.upgrade(reach.server())
    monkeypatch.setattr(schema, "TABLE_LOCK_S", 1)
    with owner.transaction():
        owner.execute("LOCK TABLE songradar.songs")
        result = run("db", "downgrade", "base", "--yes")

    assert result.exit_code == 2
    assert "the schema cannot be changed: others have used one of its tables for 1 s" in result.stderr


def test_schema_of_another_role_is_refused(stranger, owner, empty_database):
    owner.execute("CREATE SCHEMA songradar AUTHORIZATION stranger")

    with pytest.raises(DatabaseError, match="the schema songradar belongs to stranger"):
        schema.upgrade(reach.server())


@pytest.mark.parametrize("role", ["PUBLIC", "stranger"])
@pytest.mark.parametrize("name", ["public", "songradar"])
def test_schema_in_which_others_may_create_is_refused(stranger, owner, name, role):
    owner.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
    owner.execute(f"GRANT CREATE ON SCHEMA {name} TO {role}")

    with pytest.raises(DatabaseError, match=f"REVOKE CREATE ON SCHEMA {name} FROM {role}"):
        schema.upgrade(reach.server())

    owner.execute(f"REVOKE CREATE ON SCHEMA {name} FROM {role}")
    schema.upgrade(reach.server())


def plant(stranger, owner, code):
    """As if others had been let create functions in `public` once."""
    owner.execute("GRANT CREATE ON SCHEMA public TO stranger")
    stranger.execute(code)
    owner.execute("REVOKE CREATE ON SCHEMA public FROM stranger")


def test_function_that_fits_better_than_postgresqls_own_is_not_called(stranger, owner, toy_folder, run):
    plant(stranger, owner, PLANTED)
    owner.execute("GRANT INSERT ON public.caught TO PUBLIC")
    schema.upgrade(reach.server())
    run("encoders", "add", toy_folder)
    add_song("Amber")

    assert owner.execute("SELECT * FROM public.caught").fetchall() == []


def test_operator_that_fits_better_than_postgresqls_own_is_not_used_by_commands(stranger, owner, toy_folder, run):
    plant(stranger, owner, DIVIDE)
    owner.execute("GRANT INSERT ON public.caught TO PUBLIC")
    schema.upgrade(reach.server())
    run("encoders", "add", toy_folder)
    add_song("Amber")
    with connect() as connection:
        connection.execute("ANALYZE songradar.fragments")
    stats = run("db", "stats")

    assert stats.exit_code == 0
    assert owner.execute("SELECT * FROM public.caught").fetchall() == []


@pytest.mark.parametrize(
    ("code", "what"),
    [(SQRT, r"function (public\.)?sqrt\(real\)"), (PLUS, r"operator (public\.)?\+\(double precision,numeric\)")],
)
def test_function_that_a_body_would_be_bound_to_is_named(stranger, owner, code, what):
    plant(stranger, owner, code)

    with pytest.raises(DatabaseError, match=f"{what}.* stands in the way of PostgreSQL's own"):
        schema.upgrade(reach.server())
    assert schema.current(reach.server()) is None

    stranger.execute("DROP OWNED BY stranger CASCADE")
    schema.upgrade(reach.server())
    with connect() as connection:
        assert connection.execute("SELECT count(*) FROM songradar.songs_v1").fetchone() == (0,)
