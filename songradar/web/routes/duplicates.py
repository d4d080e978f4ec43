"""Songs that are the same recording."""

from contextlib import AsyncExitStack

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from songradar.duplicates import DuplicateOptions, duplicates
from songradar.records import of_pair
from songradar.twins import MIN_OVERLAP_S
from songradar.web.lines import Lines, Records
from songradar.web.operations import NAME, Call, Operation, Parameter, lines_of


async def list_duplicates(call: Call) -> Response:
    catalogue = call.service.catalogue
    options = DuplicateOptions(call["encoder"], call["artist"], call["collection"], call["min_overlap"])
    await run_in_threadpool(catalogue.encoder, options.encoder)  # one that is unknown is told at once

    def records() -> Records:
        for pair in duplicates(catalogue, options):
            yield of_pair(pair)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(call.service.long_work.taken())
        return Lines(call, records, stack.pop_all())


OPERATIONS = [
    Operation(
        "GET",
        "/duplicates",
        list_duplicates,
        "Tell which songs are the same recording, whole or in part.",
        "songs",
        parameters=(
            Parameter("encoder", NAME, "Compare by this encoder's fragments instead of the active one's."),
            Parameter("artist", NAME, "Only pairs with a song by this artist."),
            Parameter("collection", NAME, "Only pairs with a song of this collection."),
            Parameter(
                "min_overlap",
                {"type": "number", "minimum": 0, "maximum": 1e6, "default": MIN_OVERLAP_S},
                "How many seconds two songs must have in common.",
            ),
        ),
        answers={
            200: ("Pairs as they are found, as `songradar songs duplicates --json` tells them.", lines_of("PairLine"))
        },
        problems=(404, 409, 422),
    )
]
