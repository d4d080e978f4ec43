"""Who runs the embedded server, for tests that kill it; and servers that are reached over TCP."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from songradar.db import embedded


def postmaster(home: Path) -> int:
    return int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def wait_until_gone(pid: int) -> None:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still there")


def owner(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


@contextmanager
def over_tcp(role: str, password: str, database: str) -> Iterator[str]:
    """The URL of a database with pgvector, which `role` owns, on a server that asks for passwords."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-tcp-"))
    server = embedded._server(folder / "data")
    server.ensure_pgdata_inited()
    server.ensure_postgres_running()
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        connection.execute(f"CREATE DATABASE {database} OWNER {role}")
    with psycopg.connect(server.get_uri(database), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    control(server, "stop", "-m", "fast")
    (folder / "data" / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    port = free_port()
    addresses = f"-h 127.0.0.1 -p {port} -k {folder / 'data'}"
    control(server, "start", "-l", str(folder / "data" / "log"), "-o", addresses)
    try:
        yield f"postgresql://{role}:{password}@127.0.0.1:{port}/{database}"
    finally:
        control(server, "stop", "-m", "fast")
        shutil.rmtree(folder)


def control(server, *arguments: str) -> None:
    embedded._run([str(embedded.program("pg_ctl")), "-w", "-D", str(server.pgdata), *arguments], server.system_user)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
