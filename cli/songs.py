"""songradar songs: what is in the catalogue."""

from typing import TYPE_CHECKING, Any

import click

from cli.output import clock, named, print_json, print_table, shown

if TYPE_CHECKING:
    from db.models import Song


@click.group()
def songs() -> None:
    """List, show and remove songs."""


@songs.command("list")
@click.argument("text", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each song.")
def list_songs(text: str | None, as_json: bool) -> None:
    """List the songs, or those with TEXT in title, artist, album or path.

    \b
    songradar songs list
    songradar songs list macleod --json
    """
    from db import store
    from db.engine import engine

    found = store.songs(engine(), text)
    if as_json:
        for song in found:
            print_json(record(song))
        return
    rows = [(song.id, song.title, song.artist, song.album, clock(song.duration_s)) for song in found]
    print_table(("song", "title", "artist", "album", "length"), rows)


@songs.command("show")
@click.argument("song_id", metavar="SONG", type=int)
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
def show(song_id: int, as_json: bool) -> None:
    """Show all that is known of song number SONG.

    \b
    songradar songs show 12
    """
    from db import store
    from db.engine import engine

    song = record(store.song(engine(), song_id))
    if as_json:
        print_json(song)
        return
    for key, value in song.items():
        if value is not None:
            click.echo(f"{key:<12}{shown(str(value))}")


@songs.command("remove")
@click.argument("song_ids", metavar="SONG...", nargs=-1, required=True, type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(song_ids: tuple[int, ...], yes: bool) -> None:
    """Remove songs by number, with their fragments and matches; the files stay.

    \b
    songradar songs remove 12 13 --yes
    """
    from db import store
    from db.engine import engine

    catalogue = engine()
    found = [store.song(catalogue, song_id) for song_id in song_ids]
    if not yes:
        titles = ", ".join(named(song.title, song.artist) for song in found)
        click.confirm(f"Remove {titles}?", abort=True, err=True)
    for song in found:
        store.remove_song(catalogue, song.id)
        click.echo(f"{song.id}: removed {named(song.title, song.artist)}")


def record(song: "Song") -> dict[str, Any]:
    return {
        "song_id": song.id,
        "title": song.title,
        "artist": song.artist,
        "album": song.album,
        "collection": song.collection,
        "duration_s": round(song.duration_s, 3),
        "source": song.source,
        "sha256": song.sha256.hex(),
        **song.tags,
        "added_at": song.added_at.isoformat(timespec="seconds"),
    }
