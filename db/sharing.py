"""What other roles and applications get of the catalogue. The owner of the schema decides."""

from collections.abc import Sequence

import psycopg
from psycopg import errors, sql

from songradar.db.cluster import check_no_cluster
from songradar.db.connection import is_proxy
from songradar.db.errors import NotAllowed, NotOfClusters, RoleUnknown

_READ = """
    GRANT USAGE ON SCHEMA songradar TO {role};
    GRANT SELECT ON {tables} TO {role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA songradar TO {role};
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA songradar GRANT SELECT ON TABLES TO {role};
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA songradar GRANT EXECUTE ON FUNCTIONS TO {role};
"""
_WRITE = """
    GRANT INSERT, UPDATE, DELETE ON songradar.songs, songradar.fragments, songradar.encodings TO {role};
    GRANT INSERT, UPDATE, DELETE ON songradar.searches, songradar.matches, songradar.scans, songradar.plays
        TO {role};
    GRANT INSERT, UPDATE, DELETE ON songradar.farm_files TO {role};
    GRANT USAGE ON SCHEMA songradar_farm TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA songradar_farm TO {role};
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA songradar_farm TO {role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA songradar_farm TO {role};
"""
_REVOKE = """
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA songradar REVOKE ALL ON FUNCTIONS FROM {role};
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA songradar REVOKE ALL ON TABLES FROM {role};
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA songradar FROM {role};
    REVOKE ALL ON ALL TABLES IN SCHEMA songradar FROM {role};
    REVOKE ALL ON SCHEMA songradar FROM {role};
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA songradar_farm FROM {role};
    REVOKE ALL ON ALL SEQUENCES IN SCHEMA songradar_farm FROM {role};
    REVOKE ALL ON ALL TABLES IN SCHEMA songradar_farm FROM {role};
    REVOKE ALL ON SCHEMA songradar_farm FROM {role};
"""

# Which collections a role sees is known, and looked at, where the songs are: a proxy has no such policies.
_REMEMBER = "INSERT INTO songradar.readers (role, collections) VALUES ({number}, {collections});"
_FORGET = """
    DELETE FROM songradar.readers AS r
     WHERE r.role = {number} OR r.role <> 0 AND NOT EXISTS (SELECT FROM pg_roles AS a WHERE a.oid = r.role);
"""

_OWNER = """
    SELECT nspowner::regrole::text, pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'songradar'
"""
_NUMBER = "SELECT CASE %(role)s WHEN 'public' THEN 0 ELSE (SELECT oid FROM pg_roles WHERE rolname = %(role)s) END"

# Partitions of fragments are read through their table alone: its policy says what a role sees of it. A proxy's list of
# shards may hold passwords.
_TABLES = """
    SELECT relname
      FROM pg_class
     WHERE relnamespace = 'songradar'::regnamespace AND relkind IN ('r', 'p', 'v') AND relname !~ '^fragments_[0-9]+$'
       AND relname <> 'shards'
"""
_PARTITIONS = """
    SELECT songradar.share_partition_v1(inhrelid) FROM pg_inherits WHERE inhparent = 'songradar.fragments'::regclass
"""

_UNUSED = "SELECT c FROM unnest(%s::text[]) AS c WHERE NOT EXISTS (SELECT FROM songradar.songs WHERE collection = c)"


def grant(
    connection: psycopg.Connection, role: str, *, write: bool = False, collections: Sequence[str] | None = None
) -> None:
    """Let `role` search and read the songs in `collections` [all], including all that later migrations add.

    With `write`, it may also ingest, remove songs and keep searches; without, it loses these rights. Only the owner may
    change encoders and the schema. What was granted before ends. At the proxy of a cluster, roles may only be let read,
    and see all songs. Raises RoleUnknown, NotAllowed, NotOfClusters.
    """
    assert not (write and collections), "writers see all songs"
    if is_proxy(connection):
        if write or collections:
            raise NotOfClusters("at the proxy of a cluster, a role may be let read all songs, and nothing else")
        _run(connection, _REVOKE + _READ, role)
    else:
        wanted = None if not collections else sorted(set(collections))
        granted = _READ + _REMEMBER + (_WRITE if write else "")
        _run(connection, _REVOKE + _FORGET + granted + _PARTITIONS, role, wanted)


def revoke(connection: psycopg.Connection, role: str) -> None:
    """Take all rights in the catalogue from `role`. Raises RoleUnknown, NotAllowed."""
    _run(connection, _REVOKE if is_proxy(connection) else _REVOKE + _FORGET + _PARTITIONS, role)


def empty_collections(connection: psycopg.Connection, collections: Sequence[str]) -> list[str]:
    """Those of `collections` to which no song belongs."""
    return [name for (name,) in connection.execute(_UNUSED, [list(collections)])]


def share_partitions(connection: psycopg.Connection) -> None:
    """Let nobody but the owner read fragments past the policy of their table, and writers write them."""
    connection.execute(_PARTITIONS)


def announce(connection: psycopg.Connection, *, on: bool) -> None:
    """Let the triggers tell listeners of songs and matches, or not. Raises NotAllowed."""
    check_no_cluster(connection, "to switch the announcements of")
    how = "ENABLE" if on else "DISABLE"
    try:
        with connection.transaction():
            connection.execute(f"ALTER TABLE songradar.songs {how} TRIGGER songs_announce")
            connection.execute(f"ALTER TABLE songradar.matches {how} TRIGGER matches_announce")
    except errors.InsufficientPrivilege as error:
        raise NotAllowed(f"the schema songradar is another role's, and {connection.info.user} cannot change it") from (
            error
        )


def _run(connection: psycopg.Connection, statements: str, role: str, collections: Sequence[str] | None = None) -> None:
    """Run `statements` in one transaction. PostgreSQL itself only warns when a role grants rights it cannot grant."""
    found = connection.execute(_OWNER).fetchone()
    assert found is not None
    owner, may_grant = found
    if not may_grant:
        raise NotAllowed(f"the schema songradar is {owner}'s, and {connection.info.user} cannot share it")
    (number,) = connection.execute(_NUMBER, {"role": role}).fetchone() or (None,)
    if number is None:
        raise RoleUnknown(f"there is no role {role}: CREATE ROLE makes one")
    tables = [sql.Identifier("songradar", name) for (name,) in connection.execute(_TABLES)]
    with connection.transaction():
        connection.execute(
            sql.SQL(statements).format(
                role=sql.Identifier(role),
                owner=sql.SQL(owner),
                number=sql.Literal(number),
                collections=sql.Literal(collections),
                tables=sql.SQL(", ").join(tables),
            )
        )
