"""Answers that take long: a JSON object a line, as soon as it is known."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from songradar.uploads import store_upload
from songradar.web.operations import Call, without_paths
from songradar.web.problems import problem_of
from songradar.web.receiving import Upload, allowed_path, json_object, media_type_of, uploaded

Records: TypeAlias = Generator[dict[str, Any], None, None]


class Lines(StreamingResponse):
    """The records of an iterator that works in a thread. What `stack` holds is given back at the end, however it comes.

    The status is told with the first record, so that an error before it is a problem as others are. A later one becomes
    the last line: `{"error": ...}`.
    """

    def __init__(self, call: Call, records: Callable[[], Records], stack: AsyncExitStack) -> None:
        self._stack = stack
        shown = (lambda record: record) if call.scope == "write" else without_paths
        self._records = _lines(records, shown)
        super().__init__(self._records, media_type="application/x-ndjson")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive = scope, receive
        async with self._stack:
            try:
                await super().__call__(scope, receive, send)
            finally:
                with anyio.CancelScope(shield=True):  # also when the client has gone, which ends the work
                    await self._records.aclose()

    async def stream_response(self, send: Send) -> None:
        try:
            first = await anext(self._records, "")
        except Exception as error:
            await problem_of(error).response(self._scope, self._receive, send)
            return
        self.body_iterator = _after(first, self._records)
        await super().stream_response(send)


async def _after(first: str, others: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for line in others:
        yield line


async def _lines(records: Callable[[], Records], shown: Callable[[dict[str, Any]], Any]) -> AsyncGenerator[str, None]:
    iterator, has_begun = records(), False
    try:
        while (record := await run_in_threadpool(next, iterator, None)) is not None:
            yield json.dumps(shown(record), ensure_ascii=False, default=str) + "\n"
            has_begun = True
    except Exception as error:
        if not has_begun:
            raise
        yield json.dumps({"error": problem_of(error).detail}, ensure_ascii=False) + "\n"
    finally:
        with anyio.CancelScope(shield=True):
            await run_in_threadpool(iterator.close)


async def lines_about(call: Call, of_path: Callable[[Path], Records], of_upload: Callable[[Upload], Records]) -> Lines:
    """What is told of a file: one on the server that the body names as JSON, or one that is sent. Raises Problem."""
    service = call.service
    async with AsyncExitStack() as stack:
        if media_type_of(call.request) == "application/json":
            path = allowed_path(await json_object(call.request, service.options.body_s), service.options.folders)
            await stack.enter_async_context(service.long_work.taken())
            return Lines(call, lambda: of_path(path), stack.pop_all())
        upload = await stack.enter_async_context(uploaded(call))
        await stack.enter_async_context(service.long_work.taken())
        return Lines(call, lambda: of_upload(upload), stack.pop_all())


def stored(
    upload: Upload, folder: Path, records: Callable[[Path], Records], is_wanted: Callable[[dict[str, Any]], bool]
) -> Records:
    """What `records` tells of a file that was sent, which stays in `folder` once some record says it `is_wanted`."""
    with store_upload(upload.path, folder, upload.name) as place:
        for record in records(place.path):
            if is_wanted(record):
                place.keep()
            yield record
