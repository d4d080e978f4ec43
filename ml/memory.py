"""A bound on what damaged or malicious files can make this process allocate."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOR_ONE_FILE = 1 << 29
"""Bytes that decoding one file may take. Ten hours of M4A take a fifth of that; most songs a few megabytes."""


@contextmanager
def bounded_memory(extra: int = FOR_ONE_FILE) -> Iterator[None]:
    """Let the process allocate at most `extra` bytes beyond what it has; larger requests raise MemoryError.

    The bound is Linux's RLIMIT_AS, which counts the address space of all threads. Other systems have no bound.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    wanted = pages * resource.getpagesize() + extra
    bounds = [bound for bound in (wanted, before, hard) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))
