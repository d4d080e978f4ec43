"""The server itself: health, status, encoders, metrics, sessions, and what all of this is called."""

import importlib.metadata

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from songradar import encoders
from songradar.records import of_encoder
from songradar.status import status
from songradar.web.metrics import CONTENT_TYPE_PLAIN_0_0_4
from songradar.web.operations import Call, Operation, json_of
from songradar.web.security import COOKIE, given_token

SESSION_S = 30 * 24 * 3600
"""How long a browser keeps its token."""


async def show_health(call: Call) -> Response:
    def ask() -> None:
        with call.service.catalogue.searching() as connection:
            connection.execute("SELECT 1")

    await run_in_threadpool(ask)
    return JSONResponse({"status": "ok", "version": importlib.metadata.version("songradar")})


async def show_status(call: Call) -> Response:
    facts = await run_in_threadpool(status, call.service.catalogue)
    if call.scope != "write":
        del facts["database"]
    return JSONResponse(facts)


async def list_encoders(call: Call) -> Response:
    found = await run_in_threadpool(encoders.summaries, call.service.catalogue)
    return JSONResponse({"encoders": [of_encoder(encoder) for encoder in found]})


async def show_metrics(call: Call) -> Response:
    facts = await run_in_threadpool(status, call.service.catalogue)
    metrics = call.service.metrics
    for what in ("songs", "fragments", "hours", "searches"):
        metrics.extent.labels(what).set(facts[what])
    metrics.listeners.set(call.service.n_live)
    return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


async def begin_session(call: Call) -> Response:
    response = JSONResponse({"scope": call.scope})
    token = given_token(call.request.headers, call.request.cookies)
    if call.service.options.tokens is not None and token is not None:
        secure = call.request.url.scheme == "https"
        response.set_cookie(COOKIE, token, SESSION_S, httponly=True, samesite="strict", secure=secure)
    return response


async def end_session(_call: Call) -> Response:
    response = Response(status_code=204)
    response.delete_cookie(COOKIE)
    return response


async def show_document(_call: Call) -> Response:
    from songradar.web.openapi import document  # which needs all operations, these as well

    return JSONResponse(document())


OPERATIONS = [
    Operation(
        "GET",
        "/health",
        show_health,
        "Whether the server answers, and the database that searches go to.",
        "server",
        scope=None,
        answers={200: ("They do.", json_of("Health"))},
    ),
    Operation(
        "GET",
        "/status",
        show_status,
        "What is in the catalogue, as `songradar status --json` tells it.",
        "server",
        answers={200: ("The facts; only those who may write are told where the database is.", json_of("Status"))},
    ),
    Operation(
        "GET",
        "/encoders",
        list_encoders,
        "List the encoders of the catalogue.",
        "server",
        answers={200: ("The encoders, by name.", json_of("Encoders"))},
    ),
    Operation(
        "GET",
        "/metrics",
        show_metrics,
        "Counts and times for Prometheus.",
        "server",
        answers={200: ("In Prometheus's text format.", {"text/plain": {"type": "string"}})},
    ),
    Operation(
        "POST",
        "/session",
        begin_session,
        "Let the browser keep the token, since pages cannot send it with sounds and sockets.",
        "server",
        answers={200: ("A cookie is set that counts as the token, where the server asks for one.", json_of("Session"))},
    ),
    Operation(
        "DELETE",
        "/session",
        end_session,
        "Let the browser forget the token.",
        "server",
        scope=None,
        answers={204: ("The cookie is gone.", {})},
    ),
    Operation(
        "GET",
        "/openapi.json",
        show_document,
        "This document.",
        "server",
        scope=None,
        answers={200: ("OpenAPI 3.1.", {"application/json": {"type": "object"}})},
    ),
]
