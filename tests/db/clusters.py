"""Clusters for tests: a proxy on Debian's PostgreSQL 15 with PL/Proxy, and shards on the embedded server."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine

from songradar import Catalogue
from songradar.catalogue import add_package
from songradar.db import joining, proxy_schema, schema
from songradar.db.connection import Server, connect
from songradar.ml.package import read_package
from tests.db.servers import free_port

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PL_PROXY = Path("/usr/lib/postgresql/15/lib/plproxy.so")
BARE = "template_shard"
"""A catalogue without songs and encoders."""

REASON = "needs postgresql-15 and postgresql-15-plproxy"


@contextmanager
def proxy_server(owner: int) -> Iterator[str]:
    """The URL of a database of a PostgreSQL that has PL/Proxy, run by the user with number `owner`."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-proxy-"))
    os.chown(folder, owner, -1)
    data, port = folder / "data", free_port()

    def run(program: str, *arguments: str) -> None:
        subprocess.run([PROGRAMS / program, "-D", data, *arguments], check=True, user=owner, stdout=subprocess.DEVNULL,
                       cwd=folder)  # fmt: skip

    run("initdb", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C.UTF-8")
    options = f"-F -h 127.0.0.1 -p {port} -k {folder} -c shared_buffers=16MB -c max_connections=40"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


@contextmanager
def database_of(url: str, name: str, template: str = "template1") -> Iterator[str]:
    """The URL of a new database `name` beside the one at `url`."""
    before = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
        yield re.sub(rf"(?<=[^/]/){before}(?=$|\?)", name, url)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def shards_of(server: Any, n: int) -> Iterator[list[str]]:
    """The URLs of `n` catalogues without songs and encoders, on the session's server."""
    with ExitStack() as stack:
        bare = stack.enter_context(database_of(server.url("postgres"), BARE))
        schema.upgrade(Server(bare))
        first = stack.enter_context(database_of(server.url("postgres"), "shard_0", BARE))
        yield [first, *(stack.enter_context(database_of(server.url("postgres"), f"shard_{i}", BARE))
                        for i in range(1, n))]  # fmt: skip


def make_proxy(url: str, shards: Sequence[str]) -> Server:
    """Give the database at `url` the schema of a proxy of these shards."""
    proxy = Server(url)
    proxy_schema.upgrade(proxy)
    with connect(proxy) as connection:
        for shard in shards:
            joining.add_shard(connection, shard)
    return proxy


@contextmanager
def engine_of(server: Server) -> Iterator[Engine]:
    """SQLAlchemy on connections of its own."""
    with Catalogue.open(server.given_url) as catalogue:
        yield catalogue.engine


def owner_of(server: Any) -> int:
    """Who runs the session's server, and alone may connect to it."""
    return int((server.home / "postgres").stat().st_uid)


@contextmanager
def proxy_beside(server: Any) -> Iterator[str]:
    """The URL of a proxy's database; it may connect to the databases of the session's server."""
    with server.access("local all postgres trust"), proxy_server(owner_of(server)) as url:
        yield url


@dataclass(frozen=True)
class Cluster:
    """A proxy and the URLs of its shards."""

    proxy: Server
    shards: list[str]


def make_cluster(url: str, shards: list[str]) -> Cluster:
    """The database at `url` as the proxy of these shards, of which every one has as many slots."""
    proxy = make_proxy(url, shards)
    with connect(proxy) as connection:
        connection.execute("UPDATE songradar.slots SET shard = slot %% %s", [len(shards)])
    return Cluster(proxy, shards)


@contextmanager
def cluster_on(server: Any, n_shards: int) -> Iterator[Cluster]:
    """A cluster whose shards are databases of the session's server."""
    with proxy_beside(server) as url, shards_of(server, n_shards) as shards:
        yield make_cluster(url, shards)


def add_package_to(cluster: Cluster, folder: Path) -> None:
    """Add the encoder in `folder`."""
    with Catalogue.open(cluster.proxy.url) as catalogue:
        add_package(catalogue, read_package(folder))


def clear(cluster: Cluster) -> None:
    """Leave no song and no search."""
    with connect(cluster.proxy) as connection:
        connection.execute("DELETE FROM songradar.searches")
        connection.execute("DELETE FROM songradar.scans")
        connection.execute("DELETE FROM songradar.farm_files")
    for url in cluster.shards:
        with connect(Server(url)) as connection:
            connection.execute("DELETE FROM songradar.songs")


def places(cluster: Cluster) -> list[tuple[int, bytes]]:
    """(shard, SHA-256) of all songs."""
    found = []
    for number, url in enumerate(cluster.shards):
        with connect(Server(url)) as connection:
            found += [(number, sha) for (sha,) in connection.execute("SELECT sha256 FROM songradar.songs")]
    return found


def rows(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def home(cluster: Cluster, sha256: bytes) -> int:
    """The shard on which a song should be."""
    with connect(cluster.proxy) as connection:
        row = connection.execute("SELECT shard FROM songradar.slots WHERE slot = %s", [sha256[0]]).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def down(server: Any, url: str) -> Iterator[None]:
    """A shard that does not answer for the length of a block."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    try:
        yield
    finally:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
