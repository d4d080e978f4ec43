"""The application: routes, the page, and what all requests go through."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from songradar.catalogue import Catalogue
from songradar.identify import why_not_kept
from songradar.untrusted import Decoders
from songradar.web.assets import Assets
from songradar.web.limits import Rates, Slots, client_of
from songradar.web.listeners import Listeners
from songradar.web.live import listen_live
from songradar.web.openapi import ALL
from songradar.web.operations import Call, Operation
from songradar.web.options import WebOptions
from songradar.web.problems import Problem, answer_problem, problem_of
from songradar.web.security import Guard, check_scope, scope_of
from songradar.web.service import Service

API = "/api/v1"


def create_app(catalogue: Catalogue, options: WebOptions) -> Starlette:
    """The server of a catalogue, to be run by an ASGI server in one process."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with Decoders(options.n_searches) as decoders:
            listeners = Listeners(catalogue)
            app.state.service = service = Service(
                catalogue,
                options,
                decoders,
                Slots(decoders.n, options.n_waiting, options.wait_s),
                Slots(2, 8, options.wait_s),
                Slots(options.n_uploads, options.n_waiting, options.wait_s),
                Rates(options.rate),
                listeners,
                await run_in_threadpool(why_not_kept, catalogue) is None,
            )
            forgetting = asyncio.create_task(service.forget_recordings())
            yield
            forgetting.cancel()
            listeners.close()

    middleware = [Middleware(Guard, options=options)]
    if options.origins:
        methods = ["GET", "POST", "PATCH", "DELETE"]
        headers = ["Authorization", "Content-Type"]
        cors = Middleware(CORSMiddleware, allow_origins=options.origins, allow_methods=methods, allow_headers=headers)
        middleware.append(cors)
    handlers = {HTTPException: answer_problem, Problem: answer_problem, ClientDisconnect: answer_problem}
    return Starlette(routes=routes(), middleware=middleware, exception_handlers=handlers, lifespan=lifespan)


def routes() -> list[BaseRoute]:
    """Those of the operations, the socket for live sound, and the page."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in ALL:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    found: list[BaseRoute] = [
        Route(path, endpoint(operations), methods=list(operations)) for path, operations in by_path.items()
    ]
    page = Path(str(files("songradar.web").joinpath("page")))
    return [
        Mount(API, routes=[*found, WebSocketRoute("/live", listen_live)]),
        Mount("/", Assets(directory=page, html=True)),
    ]


def endpoint(operations: Mapping[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
    """What answers the requests of a path, by method."""

    async def answer(request: Request) -> Response:
        service: Service = request.app.state.service
        operation = operations["GET" if request.method == "HEAD" else request.method]
        started = time.perf_counter()
        try:
            response = await answered(operation, request, service)
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody reads it
        except Exception as error:
            response = problem_of(error).response
        metrics = service.metrics
        metrics.request_seconds.labels(operation.path).observe(time.perf_counter() - started)
        metrics.requests.labels(operation.method, operation.path, str(response.status_code)).inc()
        return response

    return answer


async def answered(operation: Operation, request: Request, service: Service) -> Response:
    """The answer to a request that may be made. Raises Problem, and what the use cases raise."""
    service.rates.check(client_of(request))
    scope = scope_of(request, service.options.tokens)
    check_scope(scope, operation.scope)
    return await operation.handler(Call(request, service, scope or "read", operation.read(request)))
