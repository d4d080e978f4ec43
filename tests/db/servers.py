"""Who runs the embedded server, for tests that kill it."""

import os
import time
from pathlib import Path


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
