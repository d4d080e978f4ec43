"""A disk that is full: a small file system in memory, which the catalogue's database lies on."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from songradar.db import embedded
from tests.db.servers import owner
from tests.reliability.house import House

DISK_BYTES = 64 << 20
LEFT_BYTES = 256 << 10
"""What is left on it: enough for a few rows, and not for songs."""


def why_not() -> str | None:
    """Why there can be none here."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root may mount a small file system"
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, text=True)
        if tried.returncode:
            return f"none can be mounted ({tried.stderr.strip()})"
        subprocess.run(["umount", folder], check=True)
    return None


@contextmanager
def full(built: House) -> Iterator[None]:
    """The catalogue's database is moved to a disk, which is then filled; it comes back, and the disk goes."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "tmpfs", folder], check=True)
    os.chown(folder, *owner(built.home / "postgres"))
    try:
        with built.outside() as admin:
            admin.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
            admin.execute(f"ALTER DATABASE {embedded.DATABASE} SET TABLESPACE small")
        filler = folder / "filler"
        filler.write_bytes(bytes(max(0, shutil.disk_usage(folder).free - LEFT_BYTES)))
        yield
        filler.unlink()
        built.alone()
        with built.outside() as admin:
            admin.execute(f"ALTER DATABASE {embedded.DATABASE} SET TABLESPACE pg_default")
            admin.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()
