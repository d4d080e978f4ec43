"""PostgreSQL's own programs, pg_dump for instance, run on a catalogue."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from songradar.db import embedded
from songradar.db.connection import Server
from songradar.db.errors import DatabaseError

_BEFORE_REASON = r"^(?:\S+: (?=error:|ERROR:))?(?:error: +)?(?:query failed: +)?(?:(?:ERROR|FATAL): +)?"
"""What programs put before a reason: who they are, and how bad it is."""


def for_programs(url: str) -> tuple[str, dict[str, str]]:
    """What PostgreSQL's programs take for `url`: a connection string, and an environment with the password.

    The password is kept out of the arguments, since every process of the machine can see them.
    """
    where = conninfo_to_dict(url)
    password = where.pop("password", None)
    return make_conninfo("", **where), os.environ | ({"PGPASSWORD": str(password)} if password else {})


@contextmanager
def running(
    server: Server,
    connection: psycopg.Connection,
    name: str,
    *options: str,
    stdin: int | None = None,
    stdout: int | None = None,
    settings: str = "",
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run one of PostgreSQL's programs on the catalogue. Raises DatabaseError with its message when it fails."""
    where, environment = for_programs(server.url)
    environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} {settings}".strip()
    command = [path_of(name, connection.info.server_version // 10_000), *options]
    if name != "pg_restore":  # pg_restore writes a script, and needs no server for that
        command += ["--dbname", where]
    with subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=environment) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        assert process.stderr is not None
        said = process.stderr.read().decode("utf-8", "replace")
    if process.returncode:
        raise complaint(name, said.splitlines())


def complaint(name: str, said: Sequence[str]) -> DatabaseError:
    """The error that a program of PostgreSQL's ended with, out of the lines that it said."""
    errors = [line for line in said if re.search("error:|ERROR:", line)] or [*said, f"{name} failed"]
    # Where a transfer breaks off, the error names a function of libpq, and the next line says why.
    of_server = [found[1] for line in said if (found := re.search(r"detail: Error message from server: +(.+)", line))]
    reason = (of_server or errors)[0]
    return DatabaseError(re.sub(_BEFORE_REASON, "", reason))


def path_of(name: str, server_version: int) -> str:
    """The program in the wheel, else one of the system's that is new enough for the server."""
    for path in (str(embedded.program(name)), shutil.which(name)):
        if path is not None:
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
            version = re.search(r" (\d+)", said)
            if version and int(version[1]) >= server_version:
                return path
    raise DatabaseError(f"the server is PostgreSQL {server_version}: install its {name}, or a newer one")
