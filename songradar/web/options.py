"""How the server is to behave."""

from dataclasses import dataclass
from pathlib import Path

from songradar.web.tokens import Tokens

MIB = 1 << 20


@dataclass(frozen=True)
class WebOptions:
    """How the server is to behave.

    `tokens` are asked for if there are any; `hosts` are the names, beside IP addresses and localhost, under which it
    answers; `origins` are other sites whose pages may call it. Files below `folders` may be ingested and scanned by
    path; uploaded songs are kept in `uploads` [none are taken].

    Bodies have at most `max_bytes`, and come within `body_s` seconds, `n_uploads` at once. A recording that is searched
    for has at most `longest_s` seconds, and is decoded within `decode_s`. `n_searches` run at once [two for each usable
    core]; `n_waiting` wait, at most `wait_s`. A client asks `rate` times a minute at most, if that is not 0.
    `n_listeners` may listen at once.
    """

    tokens: Tokens | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    uploads: Path | None = None
    max_bytes: int = 200 * MIB
    body_s: float = 300.0
    n_uploads: int = 32
    longest_s: float = 600.0
    decode_s: float = 20.0
    n_searches: int | None = None
    n_waiting: int = 32
    wait_s: float = 10.0
    rate: int = 0
    n_listeners: int = 50
