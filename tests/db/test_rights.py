"""Nobody without rights stops an upgrade, or has code of theirs run by those who use the catalogue."""

import psycopg
import pytest

from songradar.db import schema, sharing
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
HIDING = """
    CREATE TEMP TABLE readers AS SELECT 0::oid AS role, NULL::text[] AS collections;
    CREATE TEMP TABLE songs AS SELECT 1 AS id, 'shade' AS collection;
    CREATE TEMP TABLE pg_roles AS SELECT 'stranger'::name AS rolname, true AS rolbypassrls;
    CREATE TEMP TABLE pg_class AS SELECT 'pg_class'::regclass::oid AS oid, 'stranger'::regrole::oid AS relowner;
    CREATE FUNCTION pg_temp.pg_has_role(name, oid, text) RETURNS boolean LANGUAGE sql RETURN true;
    CREATE FUNCTION pg_temp.current_setting(text) RETURNS text LANGUAGE sql RETURN 'postgres';
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


def test_only_search_and_retention_run_as_their_owner_and_nobody_calls_what_was_not_granted(database):
    with psycopg.connect(database) as connection:
        as_owner = connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'songradar'::regnamespace AND prosecdef ORDER BY proname"
        ).fetchall()
        public = connection.execute(
            """
            SELECT p.proname, a.privilege_type
              FROM pg_proc AS p
             CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
             WHERE p.pronamespace = 'songradar'::regnamespace AND a.grantee = 0
             UNION ALL
            SELECT c.relname, a.privilege_type
              FROM pg_class AS c
             CROSS JOIN aclexplode(c.relacl) AS a
             WHERE c.relnamespace = 'songradar'::regnamespace AND a.grantee = 0
             UNION ALL
            SELECT n.nspname, a.privilege_type
              FROM pg_namespace AS n
             CROSS JOIN aclexplode(n.nspacl) AS a
             WHERE n.nspname = 'songradar' AND a.grantee = 0
            """
        ).fetchall()

    assert as_owner == [("forget_searches_v1",), ("match_v1",)]
    assert public == []


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


def test_neighbour_who_may_create_schemas_and_temporary_tables_has_nothing_run(stranger, owner, toy_folder, run):
    """Neither a schema named as the owner, which "$user" in a search path means, nor what hides our names."""
    owner.execute(f"GRANT CREATE ON DATABASE {owner.info.dbname} TO stranger")
    stranger.execute("CREATE SCHEMA postgres")
    stranger.execute(PLANTED.replace("public.", "postgres."))
    owner.execute("GRANT USAGE ON SCHEMA postgres TO PUBLIC; GRANT INSERT ON postgres.caught TO PUBLIC")
    schema.upgrade(reach.server())
    run("encoders", "add", toy_folder)
    add_song("Amber")
    with connect() as connection:
        sharing.grant(connection, "stranger", collections=["shade"])
    stranger.execute(HIDING)
    stranger.execute("SET search_path = pg_temp, postgres, songradar, public")
    query = "{" + '"' + str([1.0] + [0.0] * 63) + '"' + "}"
    answer = stranger.execute("SELECT count(*) FROM songradar.match_v1(1, %s, '{0}')", [query]).fetchone()
    seen = stranger.execute("SELECT count(*) FROM songradar.songs_v1").fetchone()
    with connect() as connection:
        sharing.revoke(connection, "stranger")

    assert owner.execute("SELECT * FROM postgres.caught").fetchall() == []
    assert (answer, seen) == ((0,), (0,))


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
