"""Whether a server runs in a data directory: what `postmaster.pid` and a socket's lock say, and whether it is true.

After a kill, a power cut or a copy these files lie: they name a process that is gone, a number that another program has
been given, a zombie that nobody has buried, or the server of another folder. PostgreSQL then refuses to start.
"""

import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from songradar.db.errors import ServerUnreachable

if TYPE_CHECKING:
    import psutil

SHUTDOWN_S = 60
"""How long a server may take to write down what it has in memory."""


@dataclass(frozen=True)
class PidFile:
    """The contents of `postmaster.pid`; a line that the server has not written yet is ""."""

    pid: int
    data_directory: str
    port: str
    socket_folder: str
    address: str
    status: str

    def is_of(self, cluster: Path) -> bool:
        """Whether the file was written for this folder, and not copied from another or moved with the folder."""
        try:
            return Path(self.data_directory).samefile(cluster)
        except OSError:
            return False


def read_pid_file(cluster: Path) -> PidFile | None:
    """The file, or None where it is missing or makes no sense: a power cut may leave it empty or full of zeros."""
    try:
        lines = [line.strip() for line in (cluster / "postmaster.pid").read_text().splitlines()]
        pid, data_directory, _started, port, socket_folder, address, _memory, status = (*lines, *[""] * 8)[:8]
        return PidFile(int(pid), data_directory, port, socket_folder, address, status) if int(pid) > 0 else None
    except (OSError, ValueError):
        return None


def find_postmaster(cluster: Path) -> "psutil.Process | None":
    """The server that works in this folder, wherever the folder was when it began; None where none is alive.

    Neither a zombie nor another program that was given the number in the file counts as the server. Raises
    ServerUnreachable when a server answers whose process cannot be seen, for instance one in another container with the
    same folder: two servers would destroy the data.
    """
    import psutil

    found = next((process for process in psutil.process_iter() if _is_postmaster(process, cluster)), None)
    if found is None and _is_answered(cluster):
        raise ServerUnreachable(f"a PostgreSQL that cannot be seen from here works in {cluster}: stop it where it runs")
    return found


def end_orphans(cluster: Path) -> None:
    """Ask the backends of a server that was killed to end, as the server would have done. Only call it when none runs.

    Idle backends end by themselves. A busy one, say one that builds an index, may go on for minutes, and while it holds
    the shared memory, PostgreSQL rightly refuses to start another server.
    """
    import psutil

    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if _works_in(process, cluster):
                process.terminate()


def _is_postmaster(process: "psutil.Process", cluster: Path) -> bool:
    import psutil

    try:
        # The backends of a server have such titles; the server itself does not.
        return _works_in(process, cluster) and not process.cmdline()[0].startswith("postgres:")
    except (psutil.Error, IndexError):  # gone meanwhile
        return False


def _works_in(process: "psutil.Process", cluster: Path) -> bool:
    """Whether it is a living process of the server in this folder. Raises psutil.Error when it is gone."""
    import psutil

    if not process.name().startswith("postgres") or process.status() == psutil.STATUS_ZOMBIE:
        return False
    try:
        return Path(process.cwd()) == cluster.resolve()
    except psutil.AccessDenied:
        # In a container, root may be unable to read the working folder of another user's process. Everybody may read
        # its command line, which names the folder as it was when the server began.
        _, found, folder = "\0".join(process.cmdline()).partition("\0-D\0")
        return bool(found) and Path(folder.partition("\0")[0]) == cluster.resolve()


def _is_answered(cluster: Path) -> bool:
    """Whether a server listens on a socket in the folder; nobody listens on a copy of a socket."""
    for path in cluster.glob(".s.PGSQL.*[0-9]"):
        with suppress(OSError), socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))
            return True
    return False


def shut_down(process: "psutil.Process", cluster: Path) -> None:
    """Stop a server without waiting for its clients; after SHUTDOWN_S, tell it to stop at once. Raises TimeoutError.

    A server that is asked while it recovers from the death of one of its processes may never stop by itself. What it
    had not yet written to its tables is in its log, and is replayed when it starts.
    """
    fast, immediate = (signal.SIGINT, signal.SIGQUIT) if sys.platform != "win32" else (signal.SIGTERM, signal.SIGTERM)
    for request in (fast, immediate):
        process.send_signal(request)
        deadline = time.monotonic() + SHUTDOWN_S
        while time.monotonic() < deadline:
            if not _is_postmaster(process, cluster):
                return
            time.sleep(0.05)
    raise TimeoutError(f"process {process.pid} does not stop")


def remove_stale_files(cluster: Path, sockets: Path) -> None:
    """Delete what would keep a server from starting in a folder in which none runs.

    This does not hide backends that outlived their server: PostgreSQL still notices them by their shared memory. If
    `sockets` is another folder, only the lock that belongs to this data directory is deleted there.
    """
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    for left in cluster.glob(".s.PGSQL.*"):
        left.unlink(missing_ok=True)
    for lock in sockets.glob(".s.PGSQL.*.lock"):
        if _names(lock, cluster):
            lock.unlink(missing_ok=True)


def _names(lock: Path, cluster: Path) -> bool:
    """Whether a socket's lock names this data directory, or nothing that makes sense."""
    try:
        _pid, data_directory, *_ = lock.read_text(errors="replace").splitlines()
    except (OSError, ValueError):
        return True
    return not Path(data_directory).exists() or Path(data_directory).samefile(cluster)
