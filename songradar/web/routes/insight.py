"""Numbers about searches and playings, for pictures of them."""

from dataclasses import asdict

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from songradar.insight import SPANS, insight
from songradar.web.operations import NAME, Call, Operation, Parameter, json_of
from songradar.web.problems import invalid

ZONE = {**NAME, "maxLength": 64, "default": "UTC"}


async def show_insight(call: Call) -> Response:
    try:
        found = await run_in_threadpool(insight, call.service.catalogue, call["span"], call["zone"])
    except ValueError as error:
        raise invalid(f"zone: {error}") from error
    record = asdict(found)
    record["since"] = found.since.isoformat()
    record["over_time"] = [row | {"at": row["at"].isoformat()} for row in found.over_time]
    return call.answer(record)


OPERATIONS = [
    Operation(
        "GET",
        "/insight",
        show_insight,
        "Numbers about searches and playings: how many, how sure, how quick, what most.",
        "searches",
        parameters=(
            Parameter("span", {"type": "string", "enum": list(SPANS), "default": "month"}, "How far back."),
            Parameter("zone", ZONE, "The time zone in which days begin at midnight."),
        ),
        answers={200: ("The numbers.", json_of("Insight"))},
        problems=(422,),
    )
]
