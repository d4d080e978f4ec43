"""Connections to the PostgreSQL of a catalogue: where it is, what it must be able to do, and a pool of them."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from pgvector import HalfVector
from pgvector.psycopg.halfvec import register_halfvec_info
from psycopg import postgres, pq
from psycopg.adapt import Dumper, PyFormat
from psycopg.types import TypeInfo
from psycopg_pool import ConnectionPool

from songradar.db import embedded
from songradar.db.connecting import connect_when_ready
from songradar.db.errors import NeedsDirectConnection, SchemaOutOfDate, ServerTooOld, ServerUnreachable

if TYPE_CHECKING:
    from sqlalchemy import Engine

MIN_POSTGRESQL = 16
MIN_PGVECTOR = (0, 8, 0)
CONNECTION_ATTEMPTS = 3
POOL_SIZE = 16
"""The largest number of connections, and so of threads of one process that query at once; others wait for one."""

TIMEOUT_S = 30.0
"""How long one waits for a free connection, at most."""

WAIT_S = 60.0
"""How long a server may be away, as when it restarts or a standby takes over."""

SCHEMA = "songradar"
HEAD = "20261129_parts"
"""The revision of the schema this program works with; a test compares it with Alembic's head."""

SEARCHED = ("20261128_serves", "20261128_keeping", "20261129_looks", "20261129_farm")
"""Older revisions in which this program searches as well, so that programs may be upgraded before the schema."""

PROXY_HEAD = "20261129_proxy"
"""The revision of the schema of a proxy, which stands before several shards."""

PROXY_VERSIONS = "proxy_version"
"""The table of the schema that says at which revision a proxy is."""

MIN_POSTGRESQL_OF_PROXY = 15

EXTENSION_SCHEMA = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
"""Asks for the schema in which pgvector was created, quoted where its name needs it."""

# Attempts to connect or to roll back that fail are logged there; what comes of them is raised.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_VERSIONS = """
    SELECT current_setting('server_version_num')::int, current_setting('server_version'),
           (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
           (SELECT default_version FROM pg_available_extensions WHERE name = 'vector'),
           EXISTS (SELECT FROM pg_extension WHERE extname = 'plproxy')
"""


@dataclass(frozen=True)
class Server:
    """Where a catalogue's PostgreSQL is: at `given_url`, or the embedded one in `folder`, which starts when needed.

    `origin` tells the user where the address comes from, for instance the name of an environment variable.
    """

    given_url: str | None = None
    folder: Path | None = None
    origin: str = "url"

    @property
    def is_embedded(self) -> bool:
        return self.given_url is None

    @property
    def url(self) -> str:
        """The URL in libpq's form. Starts the embedded server where it is needed. Raises ServerUnreachable."""
        if self.given_url is not None:
            return plain_url(self.given_url, self.origin)
        assert self.folder is not None
        return embedded.running_url(self.folder) or self.start()

    def start(self) -> str:
        """Start the embedded server and return its URL. Raises ServerUnreachable."""
        assert self.folder is not None
        try:
            return embedded.start(self.folder)
        except ServerUnreachable as error:
            raise ServerUnreachable(f"{self.origin}: {error}" if self.origin.isupper() else str(error)) from error


def plain_url(url: str, origin: str = "url") -> str:
    """`url` without SQLAlchemy's driver name, which libpq does not know.

    >>> plain_url("postgresql+psycopg://dj@host/db")
    'postgresql://dj@host/db'
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise ServerUnreachable(f"{origin} does not begin with postgresql://")
    return f"postgresql://{rest}"


def connect(server: Server) -> psycopg.Connection:
    """An autocommit connection whose server is new enough; the schema may be at any revision, or absent.

    A server that is replaying its log after a crash is waited for. Raises ServerUnreachable, ServerTooOld.
    """
    for attempt in range(CONNECTION_ATTEMPTS):
        connection = _connect_to_server(server)
        try:
            check_versions(connection)
            prepare_session(connection)
        except psycopg.OperationalError:
            # The server had let us in before it heard that one of its processes had died, then it ended all of them.
            connection.close()
            if attempt == CONNECTION_ATTEMPTS - 1:
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError("the last attempt returns or raises")


def connect_directly(server: Server) -> psycopg.Connection:
    """Like `connect`, but never through a pooler. For maintenance, whose locks and settings belong to the session.

    Raises NeedsDirectConnection where a pooler answers, as it may run each transaction in another session.
    """
    connection = connect(server)
    if is_pooled(connection):
        connection.close()
        raise NeedsDirectConnection(
            "a connection pooler answers here, and this command needs PostgreSQL itself: set DATABASE_URL to its own"
            " address"
        )
    return connection


def is_pooled(connection: psycopg.Connection) -> bool:
    """Whether a pooler such as pgbouncer answers. Poolers report process numbers of their own to their clients."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return bool(row[0] != connection.info.backend_pid)


class HalfVectorAsText(Dumper):
    """An embedding as pgvector writes it, for databases without pgvector."""

    format = pq.Format.BINARY
    oid = postgres.types["text"].oid

    def dump(self, obj: HalfVector) -> bytes:
        return bytes(obj.to_text(), "ascii")


def prepare_session(connection: psycopg.Connection) -> None:
    """Register pgvector's halfvec, whichever schema it is in, and look names up in pg_catalog first.

    Pgvector's schema is kept out of the search path: others may have created functions in it that fit a call better
    than PostgreSQL's own. Through a pooler the path is not set, since it would stay with a session that others use.
    """
    found = connection.execute(EXTENSION_SCHEMA).fetchone()
    if found is None:
        connection.adapters.register_dumper(HalfVector, HalfVectorAsText)  # a proxy has none, and hands texts on
    else:
        info = TypeInfo.fetch(connection, f"{found[0]}.halfvec")
        assert info is not None, "the extension has the type"
        register_halfvec_info(connection, info)
    if not is_pooled(connection):
        connection.execute(f"SET search_path = pg_catalog, {SCHEMA}, pg_temp")


def has_pgvector(connection: psycopg.Connection) -> bool:
    """Whether a session was prepared for embeddings, and not for their texts, as that of a proxy is."""
    return connection.adapters.get_dumper(HalfVector, PyFormat.BINARY) is not HalfVectorAsText


def check_versions(connection: psycopg.Connection) -> None:
    """Raise ServerTooOld when PostgreSQL or pgvector is older than songradar needs, or pgvector is absent."""
    row = connection.execute(_VERSIONS).fetchone()
    assert row is not None
    version_num, version, installed, available, is_proxy = row
    if is_proxy and version_num >= MIN_POSTGRESQL_OF_PROXY * 10_000:
        return  # its shards have pgvector
    if version_num < MIN_POSTGRESQL * 10_000:
        raise ServerTooOld(f"this is PostgreSQL {version}; songradar needs PostgreSQL {MIN_POSTGRESQL} or later")
    vector = installed or available
    wanted = ".".join(map(str, MIN_PGVECTOR))
    if vector is None:
        raise ServerTooOld(f"this PostgreSQL has no pgvector; songradar needs pgvector {wanted} or later")
    if version_of(vector) < MIN_PGVECTOR:
        hint = "; run ALTER EXTENSION vector UPDATE" if installed and available != installed else ""
        raise ServerTooOld(f"this database has pgvector {vector}; songradar needs pgvector {wanted} or later{hint}")


def version_of(text: str) -> tuple[int, ...]:
    """Three numbers at most, to be compared.

    >>> version_of("0.8.0-dev")
    (0, 8, 0)
    """
    return tuple(map(int, re.findall(r"\d+", text)[:3]))


def revision(connection: psycopg.Connection) -> str | None:
    """The schema's revision, None for a database without songradar's schema."""
    return _revision_in(connection, PROXY_VERSIONS if is_proxy(connection) else "alembic_version")


def _revision_in(connection: psycopg.Connection, table: str) -> str | None:
    try:
        row = connection.execute(f"SELECT version_num FROM {SCHEMA}.{table}").fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    return row[0] if row else None


def is_proxy(connection: psycopg.Connection) -> bool:
    """Whether the database has no songs itself, but stands before shards that have."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{SCHEMA}.{PROXY_VERSIONS}"]).fetchone()
    return row == (True,)


def serves(connection: psycopg.Connection) -> bool:
    """Whether a schema that is ahead of this program says that the program may still search in it."""
    # As JSON, a schema that has no such column says NULL.
    row = connection.execute(f"SELECT to_jsonb(s) -> 'serves' ? %s FROM {SCHEMA}.settings AS s", [HEAD]).fetchone()
    return row is not None and row[0] is True


def check_revision(connection: psycopg.Connection, *, only_to_search: bool = False) -> None:
    """Raise SchemaOutOfDate where the schema is at another revision than this program.

    With `only_to_search`, a revision will do that is near enough for that, on either side.
    """
    newest, table = (PROXY_HEAD, PROXY_VERSIONS) if is_proxy(connection) else (HEAD, "alembic_version")
    current = _revision_in(connection, table)
    if current == newest or (only_to_search and current and (current in SEARCHED or serves(connection))):
        return
    state = f"at revision {current}" if current else "not there yet"
    raise SchemaOutOfDate(
        f"the schema {SCHEMA} is {state}, and this program needs {newest}: run songradar db upgrade,"
        " or a newer songradar if the database is ahead"
    )


class Pool:
    """The connections of one catalogue, which psycopg and SQLAlchemy share. Safe between threads.

    They know pgvector's halfvec. They also work through a pooler, where no setting of the session is made. `prepared`
    says whether statements are prepared after a few runs, which a pooler in transaction mode may not support.
    PostgreSQL breaks off statements that take longer than `statement_s` [never]; but not those through a pooler. A
    server that is away is waited for as long as `wait_s`.
    """

    def __init__(
        self, server: Server, *, prepared: bool, statement_s: float | None = None, wait_s: float = WAIT_S
    ) -> None:
        options = {
            "autocommit": True,
            "application_name": "songradar",
            "prepare_threshold": 5 if prepared else None,
        }

        def prepare(connection: psycopg.Connection) -> None:
            prepare_session(connection)
            if statement_s is not None and not is_pooled(connection):
                connection.execute(f"SET statement_timeout = {round(1000 * statement_s)}")

        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # our errors say it in one sentence
        self._pool = ConnectionPool(
            server.url,
            kwargs=options,
            min_size=0,
            max_size=POOL_SIZE,
            num_workers=1,
            open=True,
            configure=prepare,
            check=ConnectionPool.check_connection,
            close_returns=True,
            timeout=min(TIMEOUT_S, wait_s),
            reconnect_timeout=wait_s,  # who asks after that has another attempt made, at once
        )

    @contextmanager
    def connection(self, timeout_s: float | None = None) -> Iterator[psycopg.Connection]:
        """An autocommit connection for the length of a block; PoolTimeout if there is none in time [TIMEOUT_S]."""
        with self._pool.connection(timeout_s) as connection:
            connection.autocommit = True  # SQLAlchemy may have had it before
            yield connection

    @cached_property
    def engine(self) -> "Engine":
        """SQLAlchemy on the same connections."""
        from sqlalchemy import NullPool, create_engine  # not needed for a search, and slow to import

        return create_engine("postgresql+psycopg://", creator=self._lend, poolclass=NullPool, use_native_hstore=False)

    def close(self) -> None:
        self._pool.close()

    def _lend(self) -> psycopg.Connection:
        connection = self._pool.getconn()
        connection.autocommit = False
        return connection


def _connect_to_server(server: Server) -> psycopg.Connection:
    try:
        return connect_when_ready(server.url)
    except psycopg.ProgrammingError as error:
        # libpq's own message would repeat the password
        raise ServerUnreachable(
            f"{server.origin} cannot be read as a URL: is some character not percent-encoded?"
        ) from error
    except psycopg.OperationalError as error:
        if server.folder is None:
            raise ServerUnreachable(f"{server.origin}: {first_line(error)}") from error
        # The file with the server's address is still there, but the server is not: start it again.
        return connect_when_ready(server.start())


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
