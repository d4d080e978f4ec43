"""What the environment says: the one place that reads it."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from songradar.db.connection import Server

FOLDER = "songradar"


@dataclass(frozen=True)
class Environment:
    """Where the catalogue is, and the name under which the files of this machine are known.

    `read_server` is where searches go, if that is elsewhere.
    """

    server: Server
    host: str
    read_server: Server | None = None


def environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """DATABASE_URL names a PostgreSQL; without, it is the embedded one in SONGRADAR_HOME.

    SONGRADAR_READ_URL names standbys of it, to search on. SONGRADAR_HOST stands for the machine's own name, which may
    change, as that of a container does.
    """
    host = variables.get("SONGRADAR_HOST") or platform.node()
    read_url = variables.get("SONGRADAR_READ_URL")
    read_server = Server(read_url, origin="SONGRADAR_READ_URL") if read_url else None
    if url := variables.get("DATABASE_URL"):
        return Environment(Server(url, origin="DATABASE_URL"), host, read_server)
    if home := variables.get("SONGRADAR_HOME"):
        embedded = Server(folder=Path(home).expanduser().absolute(), origin="SONGRADAR_HOME")
        return Environment(embedded, host, read_server)
    return Environment(Server(folder=data_folder()), host, read_server)


class BadMapping(Exception):
    """SONGRADAR_PATHS says something that is no pair of paths."""


def mapped_paths(variables: Mapping[str, str] = os.environ) -> tuple[tuple[Path, Path], ...]:
    """Where folders of other machines lie on this one, by SONGRADAR_PATHS. Raises BadMapping.

    >>> mapped_paths({"SONGRADAR_PATHS": "/srv/music=/mnt/music:/srv/jingles=/mnt/jingles"})[1]
    (PosixPath('/srv/jingles'), PosixPath('/mnt/jingles'))
    """
    pairs = []
    for pair in filter(None, variables.get("SONGRADAR_PATHS", "").split(os.pathsep)):
        there, equals, here = pair.partition("=")
        if not (equals and Path(there).is_absolute() and Path(here).is_absolute()):
            raise BadMapping(f"SONGRADAR_PATHS: {pair} is no pair of paths such as /srv/music=/mnt/music")
        pairs.append((Path(there), Path(here)))
    return tuple(pairs)


def uploads_folder(variables: Mapping[str, str] = os.environ) -> Path:
    """Where songs are kept that are uploaded: beside the embedded database."""
    return (environment(variables).server.folder or data_folder()) / "uploads"


def data_folder() -> Path:
    """Where the system keeps a user's data."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # PostgreSQL refuses to run as root; its own system user could not reach a folder below /root.
        return Path("/var/lib", FOLDER)
    return platformdirs.user_data_path(FOLDER, appauthor=False)
