"""songradar songs: what is in the catalogue."""

import csv
import sys
from typing import Any

import click

from songradar.catalogue import Catalogue
from songradar.cli.options import JSON, YES
from songradar.cli.output import clock, counted, named, note, print_json, print_table, shown
from songradar.db import songs as stored
from songradar.db import store
from songradar.db.songs import SORTS, StoredSong
from songradar.ingest import missing_songs

COLUMNS = ("song", "title", "artist", "album", "length")


@click.group()
def songs() -> None:
    """List, show and remove songs."""


@songs.command("list")
@click.argument("text", required=False)
@click.option("--sort", type=click.Choice(list(SORTS)), default="artist", show_default=True, help="In which order.")
@JSON
@click.option("--csv", "as_csv", is_flag=True, help="As comma-separated values with a line of names.")
def list_songs(text: str | None, sort: str, as_json: bool, as_csv: bool) -> None:
    """List the songs, or those with TEXT in title, artist, album or path.

    \b
    songradar songs list
    songradar songs list macleod --json
    songradar songs list --sort added --csv > songs.csv
    """
    with Catalogue.open() as catalogue:
        found = stored.songs(catalogue.engine, text, sort)
    if as_json:
        for song in found:
            print_json(record(song))
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(record(song) for song in found)
    else:
        rows = [(song.id, song.title, song.artist, song.album, clock(song.duration_s)) for song in found]
        print_table(COLUMNS, rows, fit=True)


@songs.command("show")
@click.argument("song_id", metavar="SONG", type=int)
@JSON
def show(song_id: int, as_json: bool) -> None:
    """Show all that is known of song number SONG, and how often it was found.

    \b
    songradar songs show 12
    """
    with Catalogue.open() as catalogue:
        song = stored.song(catalogue.engine, song_id)
        usage = stored.usage(catalogue.engine, song_id)
    last = usage.last_found_at.isoformat(timespec="seconds") if usage.last_found_at else None
    facts = record(song) | {"fragments": usage.fragments, "times_found": usage.times_found, "last_found_at": last}
    if as_json:
        print_json(facts)
        return
    facts["fragments"] = ", ".join(f"{n} by {name}" for name, n in usage.fragments.items()) or "none"
    for key, value in facts.items():
        if value is not None:
            click.echo(f"{key:<15}{shown(str(value))}")


@songs.command("missing")
@JSON
def missing(as_json: bool) -> None:
    """List the songs of this machine whose files are gone.

    \b
    songradar songs missing

    They are still found in searches. `songradar ingest --prune PATH` removes those below PATH, `songradar songs remove`
    any.
    """
    with Catalogue.open() as catalogue:
        gone = missing_songs(catalogue)
    if as_json:
        for song in gone:
            print_json(record(song))
        return
    print_table(("song", "title", "file"), [(song.id, song.title, song.source) for song in gone])
    note(f"{counted(len(gone), 'file')} missing")


@songs.command("remove")
@click.argument("song_ids", metavar="SONG...", nargs=-1, required=True, type=int)
@YES
def remove(song_ids: tuple[int, ...], yes: bool) -> None:
    """Remove songs by number, with their fragments and matches; the files stay.

    \b
    songradar songs remove 12 13 --yes
    """
    with Catalogue.open() as catalogue:
        found = [stored.song(catalogue.engine, song_id) for song_id in song_ids]
        if not yes:
            titles = ", ".join(named(song.title, song.artist) for song in found)
            click.confirm(f"Remove {titles}?", abort=True, err=True)
        with catalogue.connection() as connection:
            store.remove_songs(connection, song_ids)
    for song in found:
        click.echo(f"{song.id}: removed {named(song.title, song.artist)}")


def record(song: StoredSong) -> dict[str, Any]:
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


CSV_COLUMNS = (
    "song_id", "title", "artist", "album", "collection", "duration_s", "source", "sha256", "mbid", "isrc", "added_at",
)  # fmt: skip
