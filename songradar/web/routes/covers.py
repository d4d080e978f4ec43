"""The covers that songs' files bring with them."""

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from songradar.songs import cover_of
from songradar.web.operations import Call, Operation
from songradar.web.routes.songs import SONG

KEPT_S = 3600
"""How long a browser shows a cover without asking again."""


async def show_cover(call: Call) -> Response:
    service = call.service
    read = partial(service.decoders.cover, bounds=service.options.searched)
    cover = await run_in_threadpool(cover_of, service.catalogue, call["song_id"], read)
    headers = {"Cache-Control": f"private, max-age={KEPT_S}"}
    if cover is None:
        return Response(status_code=204, headers=headers)
    return Response(cover.data, media_type=cover.media_type, headers=headers)


OPERATIONS = [
    Operation(
        "GET",
        "/songs/{song_id}/cover",
        show_cover,
        "The picture that the song's file brings with it.",
        "songs",
        parameters=(SONG,),
        answers={
            200: ("JPEG, PNG, WebP or GIF.", {"image/*": {"type": "string", "format": "binary"}}),
            204: ("It brings none, or is not on the server.", {}),
        },
        problems=(404, 422),
    )
]
