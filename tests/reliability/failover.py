"""A standby that takes over."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil

from songradar.db import embedded
from tests.db.servers import owner
from tests.reliability.house import House

REPLAYED_S = 30
"""How long a standby may lag behind."""


@contextmanager
def standby(built: House) -> Iterator[House]:
    """A copy of the house's server, which replays its log."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-standby-"))
    folder.chmod(0o755)
    twin = House(folder)
    twin.home.mkdir(mode=0o755)
    user, group = owner(built.home / "postgres")
    os.chown(twin.home, user, group)
    hba = built.home / "postgres" / "pg_hba.conf"
    hba.write_text(f"local replication postgres trust\n{hba.read_text()}")
    with built.outside() as admin:
        admin.execute("SELECT pg_reload_conf()")
    url = built.server.url.replace(f"/{embedded.DATABASE}?", "/postgres?")
    copy = [str(embedded.program("pg_basebackup")), "-D", twin.home / "postgres", "-d", url, "-R", "--checkpoint=fast"]
    subprocess.run(copy, check=True, user=user, group=group, cwd=folder, capture_output=True)
    embedded.start(twin.home)
    try:
        yield twin
    finally:
        embedded.stop(twin.home)
        shutil.rmtree(folder)


def either(built: House, twin: House) -> str:
    """The URL of whichever of the two takes changes."""
    return f"{both(built, twin)}&target_session_attrs=read-write"


def both(built: House, twin: House) -> str:
    """The URL of the two, in this order."""
    hosts = ",".join(quote(str(house.home / "postgres"), safe="") for house in (built, twin))
    return f"postgresql://postgres@/{embedded.DATABASE}?host={hosts}&port=5432,5432"


def kill_all(built: House) -> None:
    """All processes of the server, as a power cut does it."""
    postmaster = psutil.Process(built.postmaster)
    for each in (postmaster, *postmaster.children()):
        each.kill()


def fail_over(built: House, twin: House) -> None:
    """Once it has replayed all, let the standby take over from a server that is gone."""
    with built.outside() as first, twin.outside() as second:
        (at,) = first.execute("SELECT pg_current_wal_lsn()").fetchone() or ("",)
        until = time.monotonic() + REPLAYED_S
        while second.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [at]).fetchone() != (True,):
            if time.monotonic() > until:
                raise TimeoutError("the standby does not catch up")
            time.sleep(0.05)
    built.control("stop", "-m", "immediate")
    twin.control("promote")
