"""Tell of songs and searches as they happen: server-sent events, which PostgreSQL announces."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from songradar.announcements import Announcement
from songradar.web.operations import Call, Operation
from songradar.web.security import scope_of

QUIET_S = 15.0
"""After so long without news a comment is sent, so that nobody between takes the connection for dead."""


class Events(StreamingResponse):
    """What is announced, as long as the client listens."""

    def __init__(self, call: Call, queue: "asyncio.Queue[Announcement | None]", stack: AsyncExitStack) -> None:
        self._stack = stack
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_events(call, queue), media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            await super().__call__(scope, receive, send)


async def _events(call: Call, queue: "asyncio.Queue[Announcement | None]") -> AsyncIterator[str]:
    yield ": listening\n\n"
    while True:
        text = ": quiet\n\n"
        with suppress(TimeoutError):
            announcement = await asyncio.wait_for(queue.get(), QUIET_S)
            if announcement is None:
                return
            text = f"event: {announcement.kind}\ndata: {json.dumps(announcement.facts)}\n\n"
        if scope_of(call.request, call.service.options.tokens) is None:  # the token was revoked meanwhile
            return
        yield text


async def tell_events(call: Call) -> Response:
    async with AsyncExitStack() as stack:
        queue = await stack.enter_async_context(call.service.listeners.queue())
        return Events(call, queue, stack.pop_all())


OPERATIONS = [
    Operation(
        "GET",
        "/events",
        tell_events,
        "Be told of songs and searches as they happen.",
        "server",
        description=(
            "Server-sent events. `song` has `song_id` and `change`: added, changed or removed; `search` has the"
            " `search_id` of a search that is kept and has candidates."
        ),
        answers={200: ("Events, without end.", {"text/event-stream": {"type": "string"}})},
    )
]
