"""The songs of the catalogue: list, show, hear, edit, remove."""

from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from songradar import songs as use_cases
from songradar.edit import COLUMNS, change, edit
from songradar.records import of_song, of_song_and_usage
from songradar.web.operations import LIMIT, NAME, OFFSET, PARTS, TEXT, Call, Operation, Parameter, json_of
from songradar.web.problems import invalid, not_found
from songradar.web.receiving import json_object
from songradar.web.service import SONGS

SONG = Parameter("song_id", {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}, "Number of the song.", "path")


async def list_songs(call: Call) -> Response:
    found, total = await run_in_threadpool(
        use_cases.page, call.service.catalogue, call["q"], call["sort"], descending=call["descending"],
        limit=call["limit"], offset=call["offset"], collection=call["collection"],
    )  # fmt: skip
    return call.answer({"songs": [of_song(song) for song in found], "total": total})


async def show_song(call: Call) -> Response:
    song, usage = await run_in_threadpool(use_cases.show, call.service.catalogue, call["song_id"])
    return call.answer(of_song_and_usage(song, usage))


async def edit_song(call: Call) -> Response:
    body = await json_object(call.request, call.service.options.body_s)
    wanted = change(call["song_id"], *changes_of(body))
    await run_in_threadpool(edit, call.service.catalogue, [wanted])
    return await show_song(call)


def changes_of(body: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """New values by column, and tags by name; what is null becomes empty, which removes. Raises Problem."""
    tags = body.get("tags", {})
    if not isinstance(tags, dict):
        raise invalid("tags: is no object of texts")
    values = {name: value for name, value in body.items() if name != "tags"}
    for name, value in (*values.items(), *tags.items()):
        if value is not None and not isinstance(value, str):
            raise invalid(f"{name}: is neither text nor null")
    if unknown := set(values) - set(COLUMNS):
        raise invalid(f"{min(unknown)}: cannot be changed; what can is {', '.join(COLUMNS)}, tags")
    return {name: value or "" for name, value in values.items()}, {name: value or "" for name, value in tags.items()}


async def remove_song(call: Call) -> Response:
    def remove() -> None:
        song, _ = use_cases.show(call.service.catalogue, call["song_id"])
        use_cases.remove(call.service.catalogue, [song.id])
        call.service.discard_upload(SONGS, song.source)

    await run_in_threadpool(remove)
    return Response(status_code=204)


async def hear_song(call: Call) -> Response:
    found = await run_in_threadpool(use_cases.file_of, call.service.catalogue, call["song_id"])
    if found is None:
        raise not_found("the song's file is not on this server, or has changed")
    return FileResponse(found.path, media_type=found.media_type, headers={"Cache-Control": "private"})


OPERATIONS = [
    Operation(
        "GET",
        "/songs",
        list_songs,
        "List songs.",
        "songs",
        parameters=(
            Parameter("q", TEXT, "Only songs with this in title, artist, album, path or ISRC."),
            Parameter("sort", {"type": "string", "enum": list(use_cases.SORTS), "default": "artist"}, "The order."),
            Parameter("descending", {"type": "boolean", "default": False}, "The other way round."),
            Parameter("collection", NAME, "Only the songs of this collection."),
            LIMIT,
            OFFSET,
        ),
        answers={200: ("The songs, and how many there are.", json_of("Songs"))},
        problems=(422,),
    ),
    Operation(
        "GET",
        "/songs/{song_id}",
        show_song,
        "Show all that is known of a song.",
        "songs",
        parameters=(SONG,),
        answers={200: ("The song.", json_of("SongAndUsage"))},
        problems=(404, 422),
    ),
    Operation(
        "PATCH",
        "/songs/{song_id}",
        edit_song,
        "Correct what is known of a song; null removes.",
        "songs",
        scope="write",
        parameters=(SONG,),
        body=json_of("SongChange"),
        answers={200: ("The song as it is now.", json_of("SongAndUsage"))},
        problems=(400, 404, 408, 413, 422),
    ),
    Operation(
        "DELETE",
        "/songs/{song_id}",
        remove_song,
        "Remove a song with its fragments and matches; its file stays, unless it was uploaded.",
        "songs",
        scope="write",
        parameters=(SONG,),
        answers={204: ("It is gone.", {})},
        problems=(404, 422),
    ),
    Operation(
        "GET",
        "/songs/{song_id}/audio",
        hear_song,
        "The song's file, if it is on the server; parts of it by Range.",
        "songs",
        parameters=(SONG,),
        answers=PARTS,
        problems=(404, 416, 422),
    ),
]
