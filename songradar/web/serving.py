"""Run the server until it is told to stop."""

import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from songradar.catalogue import Catalogue
from songradar.web.app import create_app
from songradar.web.options import WebOptions

SOCKET_BYTES = 1 << 20
"""Most bytes of a message of a WebSocket."""

STOPPING_S = 3
"""How long requests may take to end when the server is told to stop."""

KEPT_OPEN_S = 15
"""How long a connection without requests is kept."""

MOST_CONNECTIONS = 512
"""Connections at once; others are answered with status 503."""


class NotSafe(Exception):
    """A way of serving that would let anybody in."""


@dataclass(frozen=True)
class Address:
    """Where to listen. With a certificate and its key it is https; `proxies` may say whose requests they pass on."""

    host: str = "127.0.0.1"
    port: int = 8000
    certificate: Path | None = None
    key: Path | None = None
    proxies: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        return self.host in ("127.0.0.1", "::1", "localhost")

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}/"


def check_safe(address: Address, options: WebOptions) -> None:
    """Raise NotSafe where other machines could do as they like."""
    if options.tokens is None and not address.is_local:
        raise NotSafe(
            f"{address.host} can be reached from other machines, so a token is needed: songradar serve --token-file"
            " FILE --new-token write, then --token-file FILE"
        )


def serve(catalogue: Catalogue, address: Address, options: WebOptions, *, log_level: str = "warning") -> None:
    """Serve a catalogue until the process is told to stop. Raises NotSafe."""
    server_of(catalogue, address, options, log_level).run()


def server_of(catalogue: Catalogue, address: Address, options: WebOptions, log_level: str) -> uvicorn.Server:
    """The server, which is still to be run. Raises NotSafe."""
    check_safe(address, options)
    app = create_app(catalogue, options)
    config = uvicorn.Config(
        app,
        host=address.host,
        port=address.port,
        ssl_certfile=address.certificate,
        ssl_keyfile=address.key,
        proxy_headers=bool(address.proxies),
        forwarded_allow_ips=list(address.proxies),
        server_header=False,
        log_level=log_level,
        access_log=log_level == "info",
        ws="websockets-sansio",
        ws_max_size=SOCKET_BYTES,
        timeout_keep_alive=KEPT_OPEN_S,
        timeout_graceful_shutdown=STOPPING_S,
        limit_concurrency=MOST_CONNECTIONS,
    )
    return Server(config, app)


class Server(uvicorn.Server):
    """Lets go those who wait for news before it waits for requests to end: theirs do not."""

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.service.listeners.close()
        await super().shutdown(sockets)
