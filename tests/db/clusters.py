"""Clusters for tests: a proxy on Debian's PostgreSQL 15 with PL/Proxy, and shards on the embedded server."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine

from songradar import Catalogue
from songradar.db import cluster, proxy_schema, schema
from songradar.db.connection import Server, connect
from tests.db.servers import free_port

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PL_PROXY = Path("/usr/lib/postgresql/15/lib/plproxy.so")
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
        first = stack.enter_context(database_of(server.url("postgres"), "shard_0"))
        schema.upgrade(Server(first))
        yield [first, *(stack.enter_context(database_of(server.url("postgres"), f"shard_{i}", "shard_0"))
                        for i in range(1, n))]  # fmt: skip


def make_proxy(url: str, shards: Sequence[str]) -> Server:
    """Give the database at `url` the schema of a proxy of these shards."""
    proxy = Server(url)
    proxy_schema.upgrade(proxy)
    with connect(proxy) as connection:
        for shard in shards:
            cluster.add_shard(connection, shard)
    return proxy


@contextmanager
def engine_of(server: Server) -> Iterator[Engine]:
    """SQLAlchemy on connections of its own."""
    with Catalogue.open(server.given_url) as catalogue:
        yield catalogue.engine


def owner_of(server: Any) -> int:
    """Who runs the session's server, and alone may connect to it."""
    return int((server.home / "postgres").stat().st_uid)
