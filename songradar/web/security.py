"""Who may ask: hosts, origins, tokens; and the headers that keep browsers from doing harm."""

import ipaddress
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from songradar.web import tokens
from songradar.web.options import WebOptions
from songradar.web.problems import Problem

COOKIE = "songradar_token"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:;"
        " connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What goes with every answer: pages may use nothing from elsewhere, and nobody may embed them."""


class Guard:
    """Asks every request for its host and origin, and bounds its body; adds HEADERS to every answer."""

    def __init__(self, app: ASGIApp, options: WebOptions) -> None:
        self._app, self._options = app, options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = refused_host(headers, self._options.hosts) or refused_origin(scope, headers, self._options.origins)
        refusal = refusal or refused_length(headers, self._options.max_bytes)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update({**HEADERS, **dict(_given(message))})
            await send(message)

        if refusal is None:
            await self._app(scope, bounded(receive, self._options.max_bytes), answer)
        elif scope["type"] == "http":
            await refusal.response(scope, receive, answer)
        else:
            await send({"type": "websocket.close", "code": 1008})


def _given(message: Message) -> Iterable[tuple[str, str]]:
    """The headers of HEADERS that the answer has already."""
    known = {name.lower(): name for name in HEADERS}
    for name, value in Headers(raw=message["headers"]).items():
        if name in known:
            yield known[name], value


def bounded(receive: Receive, max_bytes: int) -> Receive:
    """The same, until a body has more than `max_bytes`. Raises Problem."""
    n_bytes = 0

    async def counted() -> Message:
        nonlocal n_bytes
        message = await receive()
        if message["type"] == "http.request":
            n_bytes += len(message.get("body", b""))
            if n_bytes > max_bytes:
                raise too_large(max_bytes)
        return message

    return counted


def too_large(max_bytes: int) -> Problem:
    return Problem(413, "too-large", f"a body may have {max_bytes} bytes at most", {"Connection": "close"})


def refused_length(headers: Headers, max_bytes: int) -> Problem | None:
    length = headers.get("content-length", "0")
    return too_large(max_bytes) if not length.isdecimal() or int(length) > max_bytes else None


def refused_host(headers: Headers, hosts: Iterable[str]) -> Problem | None:
    """Refuse names that are not the server's: a page of another site may have made its own name point here."""
    name = host_name(headers.get("host", ""))
    if name == "localhost" or name in {host.lower() for host in hosts} or is_address(name):
        return None
    return Problem(421, "misdirected-request", f"this server is not called {name[:100]!r}")


def refused_origin(scope: Scope, headers: Headers, origins: Iterable[str]) -> Problem | None:
    """Refuse what pages of other sites send, which browsers would send with the user's rights."""
    origin = headers.get("origin")
    if origin is None or scope.get("method") in ("GET", "HEAD", "OPTIONS"):
        return None
    same = urlsplit(origin).netloc.lower() == headers.get("host", "").lower() if "://" in origin else False
    return None if same or origin in origins else Problem(403, "forbidden", "pages of other sites may not ask this")


def host_name(host: str) -> str:
    """A Host header without its port.

    >>> host_name("localhost:8000"), host_name("[::1]:8000"), host_name("192.0.2.7")
    ('localhost', '::1', '192.0.2.7')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def is_address(name: str) -> bool:
    """Whether it is an IP address, which cannot be made to point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def scope_of(connection: HTTPConnection, known: tokens.Tokens | None) -> tokens.Scope | None:
    """What the client may do; without tokens everybody may write."""
    if known is None:
        return "write"
    token = given_token(connection.headers, connection.cookies)
    return known.scope_of(token) if token else None


def given_token(headers: Mapping[str, str], cookies: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else cookies.get(COOKIE)


def check_scope(has: tokens.Scope | None, needed: tokens.Scope | None) -> None:
    """Raise Problem where the token does not suffice."""
    if needed is None or has in ("write", needed):
        return
    if has is None:
        raise Problem(401, "unauthorized", "this server asks for a token", {"WWW-Authenticate": "Bearer"})
    raise Problem(
        403, "forbidden", "this token may only read", {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
    )
