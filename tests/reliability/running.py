"""The command line in processes of its own, which can be killed."""

import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from songradar.cli.main import main

PRELOADED = [
    "songradar.cli.database", "songradar.cli.encoders", "songradar.cli.ingest", "songradar.cli.scan",
    "songradar.cli.search", "songradar.cli.songs", "songradar.cli.transfer", "tests.reliability.running",
]  # fmt: skip

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(PRELOADED)

TIMEOUT_S = 180
"""A command that takes longer than this hangs."""

SERVER = ("postgres", "pg_ctl")


class Run:
    """A command on its way: a process that was forked from one with everything imported, so that it begins at once.

    It leads a session of its own, by which the processes that it starts are known.
    """

    def __init__(self, arguments: Sequence[object], environment: Mapping[str, str], said: Path) -> None:
        """What it says goes into files in the folder `said`."""
        self._said = said
        told = [str(argument) for argument in arguments]
        self._process = _FORKS.Process(target=_obey, args=(told, dict(environment), str(self._said)))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        self.arguments = told

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()

    def join(self, seconds: float) -> None:
        """Until it has ended, but not longer."""
        self._process.join(seconds)

    def wait(self) -> Self:
        """Until it has ended. Raises TimeoutError for one that hangs."""
        self.join(TIMEOUT_S)
        if self.is_alive:
            self.kill()
            raise TimeoutError(f"{' '.join(self.arguments)} hangs")
        return self

    @property
    def code(self) -> int | None:
        return self._process.exitcode

    @property
    def stdout(self) -> str:
        return (self._said / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return (self._said / "stderr").read_text()

    def children(self) -> list[psutil.Process]:
        """The processes that decode for it."""
        try:
            found = psutil.Process(self.pid).children()
        except psutil.NoSuchProcess:
            return []
        return [process for process in found if is_ours(process)]

    def leftovers(self) -> list[str]:
        """Processes of its session that are there two seconds after its end, other than the embedded server."""
        for _ in range(40):
            found = [process for process in psutil.process_iter() if session(process.pid) == self.pid]
            names = [process.name() for process in found if is_ours(process) and process.pid != self.pid]
            if not names:
                return []
            time.sleep(0.05)
        return [f"process {name}" for name in names]


def session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def is_ours(process: psutil.Process) -> bool:
    """Whether it is alive and not of the server, which outlives the command that starts it."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and not process.name().startswith(SERVER)
    except psutil.NoSuchProcess:
        return False


def _obey(arguments: list[str], environment: dict[str, str], said: str) -> None:
    os.setsid()
    os.environ.pop("DATABASE_URL", None)
    os.environ.update(environment)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        with Path(said, name).open("w") as file:
            os.dup2(file.fileno(), descriptor)
    sys.argv[0] = "songradar"
    main(arguments)
