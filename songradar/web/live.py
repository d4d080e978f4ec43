"""Live sound over a WebSocket: blocks of samples come in, answers go out as soon as there are any."""

import asyncio
import json
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from songradar.errors import SearchNotKept
from songradar.identify import SearchOptions
from songradar.live import Asked, Live, LiveEvent, Lost
from songradar.records import of_answer
from songradar.web.limits import client_of
from songradar.web.operations import without_paths
from songradar.web.problems import Problem, busy, invalid, problem_of
from songradar.web.security import check_scope, scope_of
from songradar.web.service import Service

RATE_HZ = 16_000
FORMATS = {"int16": "<i2", "float32": "<f4"}

LONGEST_S = 15 * 60.0
"""A listener is let go after so much sound."""

QUIET_S = 30.0
"""And if nothing comes for so long."""


@dataclass(frozen=True)
class Begin:
    """What a client says first: how its samples are written, and what it asks for."""

    rate_hz: int = RATE_HZ
    format: str = "int16"
    options: SearchOptions = SearchOptions()
    keep: bool = True


def begin_of(socket: WebSocket) -> Begin:
    """The query string's `format` (int16, float32), `rate_hz`, `limit`, `artist`, `collection`. Raises Problem."""
    given = socket.query_params
    form, rate, limit = given.get("format", "int16"), given.get("rate_hz", str(RATE_HZ)), given.get("limit", "5")
    if form not in FORMATS:
        raise invalid(f"format: is none of {', '.join(FORMATS)}")
    if not (rate.isdecimal() and 8000 <= int(rate) <= 192_000):
        raise invalid("rate_hz: is not between 8000 and 192000")
    if not (limit.isdecimal() and 1 <= int(limit) <= 100):
        raise invalid("limit: is not between 1 and 100")
    options = SearchOptions(int(limit), artist=given.get("artist"), collection=given.get("collection"))
    return Begin(int(rate), form, options, given.get("keep") != "false")


async def listen_live(socket: WebSocket) -> None:
    """One listener, from the first block to the end of the song."""
    service: Service = socket.app.state.service
    try:
        service.rates.check(client_of(socket))
        check_scope(scope_of(socket, service.options.tokens), "read")
        begin = begin_of(socket)
        if service.n_live >= service.options.n_listeners:
            raise busy("too many listeners")
    except Problem as problem:
        await socket.send_denial_response(problem.response)
        return
    await socket.accept()
    service.n_live += 1
    try:
        await _serve(socket, service, begin)
    except (WebSocketDisconnect, TimeoutError):
        pass
    except Exception as error:
        await _tell(socket, {"type": "error", "detail": problem_of(error).detail})
    finally:
        service.n_live -= 1
        with suppress(RuntimeError, WebSocketDisconnect):
            await socket.close()


async def _serve(socket: WebSocket, service: Service, begin: Begin) -> None:
    live = await run_in_threadpool(Live, service.catalogue, begin.rate_hz, begin.options)
    with closing(live):
        await _hear(socket, service, begin, live)


async def _hear(socket: WebSocket, service: Service, begin: Begin, live: Live) -> None:
    while not live.is_done and live.heard_s < LONGEST_S:
        if not live.hear(await _block(socket, begin)):
            continue
        async with service.work.taken():
            event = await run_in_threadpool(live.tell)
        if event is None:
            continue
        scope = scope_of(socket, service.options.tokens)
        check_scope(scope, "read")  # the token may have been revoked meanwhile
        record = record_of(event)
        await _tell(socket, record if scope == "write" else without_paths(record))
        if isinstance(event, Asked):
            service.metrics.count_search(event.answer)
            if event.is_final and begin.keep:
                with suppress(SearchNotKept):
                    await service.keep(event.answer)


async def _block(socket: WebSocket, begin: Begin) -> NDArray[np.float32]:
    """The next samples, (t,) float32. Raises Problem, TimeoutError, WebSocketDisconnect."""
    message = await asyncio.wait_for(socket.receive(), QUIET_S)
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    data = message.get("bytes")
    if data is None:
        raise invalid("what is sent are samples, in binary messages")
    return samples_of(data, begin.format)


def samples_of(data: bytes, form: str) -> NDArray[np.float32]:
    """What samples in one of FORMATS stand for, (t,) float32 from -1 to 1; half a sample at the end is left out.

    >>> samples_of(bytes([0, 64, 0, 192, 0, 32]), "int16").tolist()
    [0.5, -0.5, 0.25]
    """
    dtype = np.dtype(FORMATS[form])
    samples = np.frombuffer(data[: len(data) // dtype.itemsize * dtype.itemsize], dtype)
    scale = np.float32(1 / 32768 if form == "int16" else 1)
    wave = np.nan_to_num(samples.astype(np.float32) * scale, posinf=1, neginf=-1)
    return np.asarray(np.clip(wave, -1, 1), np.float32)


async def _tell(socket: WebSocket, record: dict[str, Any]) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_text(json.dumps(record, ensure_ascii=False))


def record_of(event: LiveEvent) -> dict[str, Any]:
    """As JSON has it: `type` is answer, now or lost."""
    if isinstance(event, Asked):
        return {"type": "answer", "heard_s": event.heard_s, "final": event.is_final, **of_answer(event.answer)}
    return {"type": "lost" if isinstance(event, Lost) else "now", **vars(event)}
