"""How the server is to behave."""

from dataclasses import dataclass
from pathlib import Path

from songradar.untrusted import Bounds
from songradar.web.tokens import Tokens

MIB = 1 << 20

SEARCHED, STORED = Bounds(longest_s=600, within_s=20), Bounds(longest_s=12 * 3600, within_s=1200)
"""Bounds of what strangers send to be named, and of songs and long recordings that they send."""


@dataclass(frozen=True)
class WebOptions:
    """How the server is to behave.

    `tokens` are asked for if there are any; `hosts` are the names, beside IP addresses and localhost, under which it
    answers; `origins` are other sites whose pages may call it. Files below `folders` may be ingested and scanned by
    path; uploaded songs are kept in `uploads` [none are taken], and recordings of scans that somebody asks to keep for
    `recordings_days`.

    Bodies have at most `max_bytes`, and come within `body_s` seconds, `n_uploads` at once. `searched` are the bounds of
    recordings that are searched for, `stored` those of songs and of recordings to be scanned that are uploaded.
    `n_searches` run at once [two for each usable core]; `n_waiting` wait, at most `wait_s`. A client asks `rate` times
    a minute at most, if that is not 0. `n_listeners` may listen at once.
    """

    tokens: Tokens | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    uploads: Path | None = None
    recordings_days: float = 30.0
    max_bytes: int = 200 * MIB
    body_s: float = 300.0
    n_uploads: int = 32
    searched: Bounds = SEARCHED
    stored: Bounds = STORED
    n_searches: int | None = None
    n_waiting: int = 32
    wait_s: float = 10.0
    rate: int = 0
    n_listeners: int = 50
