"""Answers that take long: a JSON object a line, as soon as it is known."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from songradar.web.operations import Call, without_paths
from songradar.web.problems import problem_of

_END = object()


class Lines(StreamingResponse):
    """The records of an iterator that works in a thread. What `stack` holds is given back at the end, however it comes.

    An error becomes the last line, since the status has been told already: `{"error": ...}`.
    """

    def __init__(self, call: Call, records: Callable[[], Iterator[dict[str, Any]]], stack: AsyncExitStack) -> None:
        self._stack = stack
        shown = (lambda record: record) if call.scope == "write" else without_paths
        super().__init__(_lines(records, shown), media_type="application/x-ndjson")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            await super().__call__(scope, receive, send)


async def _lines(
    records: Callable[[], Iterator[dict[str, Any]]], shown: Callable[[dict[str, Any]], Any]
) -> AsyncIterator[str]:
    iterator = records()
    try:
        while (record := await run_in_threadpool(next, iterator, _END)) is not _END:
            yield json.dumps(shown(record), ensure_ascii=False, default=str) + "\n"
    except Exception as error:
        yield json.dumps({"error": problem_of(error).detail}, ensure_ascii=False) + "\n"
    finally:
        with anyio.CancelScope(shield=True):  # also when the client has gone, which ends the work
            await run_in_threadpool(getattr(iterator, "close", lambda: None))
