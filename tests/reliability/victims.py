"""Who is killed: songradar, a process that decodes for it, a process of the server, the whole server."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import psutil
import psycopg

from songradar.db import embedded
from tests.reliability.house import House, in_the_way
from tests.reliability.running import Run

POLL_S = 0.002

Victim = Callable[[House, Run, np.random.Generator], bool]
"""Kills somebody; False where nobody was there any more."""


def connected(house: House, arguments: Sequence[object]) -> tuple[Run, bool]:
    """A command on its way, once it is connected; False where it has ended before that was seen."""
    with house.outside() as watching:
        run = house.run(arguments)
        while run.is_alive:
            if in_the_way(watching, embedded.DATABASE):
                return run, True
            time.sleep(POLL_S)
    return run, False


def process(_house: House, run: Run, _rng: np.random.Generator) -> bool:
    was_alive = run.is_alive
    run.kill()
    return was_alive


def decoder(_house: House, run: Run, rng: np.random.Generator) -> bool:
    while run.is_alive:
        found = run.children()
        if found:
            with suppress(psutil.NoSuchProcess):
                found[rng.integers(len(found))].kill()
                return True
        time.sleep(POLL_S)
    return False


def terminated_backend(house: House, run: Run, rng: np.random.Generator) -> bool:
    with house.outside() as admin:
        pid = _a_backend(admin, run, rng)
        return pid is not None and admin.execute("SELECT pg_terminate_backend(%s)", [pid]).fetchone() == (True,)


def killed_backend(house: House, run: Run, rng: np.random.Generator) -> bool:
    """The server then ends all others, too, and replays its log."""
    with house.outside() as admin:
        pid = _a_backend(admin, run, rng)
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
        return False


def whole_server(house: House, run: Run, _rng: np.random.Generator) -> bool:
    if not run.is_alive:
        return False
    postmaster = psutil.Process(house.postmaster)
    for each in (postmaster, *postmaster.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            each.kill()
    return True


def _a_backend(admin: psycopg.Connection, run: Run, rng: np.random.Generator) -> int | None:
    while run.is_alive:
        found = in_the_way(admin, embedded.DATABASE)
        if found:
            return found[rng.integers(len(found))]
        time.sleep(POLL_S)
    return None


VICTIMS: dict[str, Victim] = {
    "songradar, SIGKILL": process,
    "a decoding process, SIGKILL": decoder,
    "a backend, pg_terminate_backend": terminated_backend,
    "a backend, SIGKILL": killed_backend,
    "the whole server, SIGKILL": whole_server,
}
DECODER = "a decoding process, SIGKILL"
