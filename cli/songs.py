"""songradar songs: what is in the catalogue."""

import csv
import json
import sys
from typing import TextIO

import click

from songradar.catalogue import Catalogue
from songradar.cli.duplicates import duplicates
from songradar.cli.options import JSON, YES
from songradar.cli.output import confirm_removal, counted, note, print_json, print_table
from songradar.db import songs as stored
from songradar.db.songs import SORTS, StoredSong
from songradar.edit import change, read_table
from songradar.edit import edit as edit_songs
from songradar.missing import missing_songs
from songradar.records import of_song, of_song_and_usage
from songradar.songs import remove as remove_songs
from songradar.songs import show as show_song
from songradar.wording import clock, named, shown

COLUMNS = ("song", "title", "artist", "album", "length")


@click.group()
def songs() -> None:
    """List, show, edit, compare and remove songs."""


songs.add_command(duplicates)


@songs.command("list")
@click.argument("text", required=False)
@click.option("--collection", metavar="NAME", help="Only the songs of this collection.")
@click.option("--sort", type=click.Choice(list(SORTS)), default="artist", show_default=True, help="In which order.")
@JSON
@click.option("--csv", "as_csv", is_flag=True, help="As comma-separated values with a line of names.")
def list_songs(text: str | None, collection: str | None, sort: str, as_json: bool, as_csv: bool) -> None:
    """List the songs, or those with TEXT in title, artist, album, path or ISRC.

    \b
    songradar songs list
    songradar songs list macleod --json
    songradar songs list --sort added --csv > songs.csv
    """
    with Catalogue.open() as catalogue:
        found = stored.songs(catalogue.engine, text, sort, collection)
    if as_json:
        for song in found:
            print_json(of_song(song))
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(of_song(song) | {"tags": tags_as_text(song)} for song in found)
    else:
        rows = [(song.id, song.title, song.artist, song.album, clock(song.duration_s)) for song in found]
        print_table(COLUMNS, rows, fit=True)


@songs.command("collections")
@JSON
def list_collections(as_json: bool) -> None:
    """List the collections of the catalogue, with how many songs and how much sound each has.

    \b
    songradar songs collections
    """
    with Catalogue.open() as catalogue:
        found = stored.collections(catalogue.engine)
    if as_json:
        for collection in found:
            print_json(vars(collection) | {"duration_s": round(collection.duration_s, 3)})
        return
    rows = [(collection.name or "-", collection.songs, clock(collection.duration_s)) for collection in found]
    print_table(("collection", "songs", "length"), rows)


@songs.command("show")
@click.argument("song_id", metavar="SONG", type=int)
@JSON
def show(song_id: int, as_json: bool) -> None:
    """Show all that is known of song number SONG, and how often it was found.

    \b
    songradar songs show 12
    """
    with Catalogue.open() as catalogue:
        song, usage = show_song(catalogue, song_id)
    facts = of_song_and_usage(song, usage)
    if as_json:
        print_json(facts)
        return
    facts["tags"] = ", ".join(f"{name}={value}" for name, value in song.tags.items()) or None
    facts["edited"] = ", ".join(song.edited) or None
    facts["fragments"] = ", ".join(f"{n} by {name}" for name, n in usage.fragments.items()) or "none"
    for key, value in facts.items():
        if value is not None:
            click.echo(f"{key:<15}{shown(str(value))}")


@songs.command("edit")
@click.argument("song_ids", metavar="[SONG]...", nargs=-1, type=int)
@click.option("--title", metavar="TEXT", help="Title.")
@click.option("--artist", metavar="TEXT", help="Artist.")
@click.option("--album", metavar="TEXT", help="Album.")
@click.option("--collection", metavar="TEXT", help="Part of the catalogue that it belongs to.")
@click.option("--isrc", metavar="CODE", help="International Standard Recording Code, with or without hyphens.")
@click.option("--mbid", metavar="UUID", help="Number or web address of the MusicBrainz recording.")
@click.option("--tag", "tags", metavar="NAME=VALUE", multiple=True, help="An identifier of your own; may be repeated.")
@click.option("--csv", "table", metavar="FILE", type=click.File(encoding="utf-8-sig"), help="A table of changes.")
@JSON
def edit(
    song_ids: tuple[int, ...], tags: tuple[str, ...], table: TextIO | None, as_json: bool, **values: str | None
) -> None:
    """Correct what is known of songs: SONGs by number, or those in a table.

    \b
    songradar songs edit 12 --artist "Kevin MacLeod" --isrc US-UAN-11-00377
    songradar songs edit 12 13 --collection jingles --tag upc=4006381333931
    songradar songs list --csv > songs.csv
    songradar songs edit --csv songs.csv

    An empty text, as in --album "" or --tag upc=, removes. Of a table, the first line names the columns: song_id, and
    what is to be changed. Either all changes are made or none. What is edited stays, whatever the tags of the file say
    when it is ingested again.
    """
    given = {column: value for column, value in values.items() if value is not None}
    if bool(song_ids) == bool(table) or bool(song_ids) != bool(given or tags):
        raise click.UsageError("give songs by number and what to change, or a table with --csv and nothing else")
    if table:
        changes = list(read_table(table, shown(table.name)))
    else:
        named_tags = dict(name_and_value(tag) for tag in tags)
        changes = [change(song_id, given, named_tags) for song_id in dict.fromkeys(song_ids)]
    with Catalogue.open() as catalogue:
        edited = edit_songs(catalogue, changes)
    for song in edited:
        print_json(of_song(song)) if as_json else click.echo(f"{song.id}: {named(song.title, song.artist)}")
    note(f"{counted(len(edited), 'song')} edited, {len(changes) - len(edited)} as they were")


def name_and_value(tag: str) -> tuple[str, str]:
    """The two halves of an identifier.

    >>> name_and_value("upc=4006381333931")
    ('upc', '4006381333931')
    """
    name, separator, value = tag.partition("=")
    if not separator:
        raise click.UsageError(f"--tag {tag}: is not NAME=VALUE")
    return name, value


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
            print_json(of_song(song))
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
            confirm_removal(", ".join(named(song.title, song.artist) for song in found))
        remove_songs(catalogue, song_ids)
    for song in found:
        click.echo(f"{song.id}: removed {named(song.title, song.artist)}")


def tags_as_text(song: StoredSong) -> str:
    """The tags as a JSON object, empty where there are none, as `songs edit --csv` reads them."""
    return json.dumps(song.tags, ensure_ascii=False) if song.tags else ""


CSV_COLUMNS = (
    "song_id", "title", "artist", "album", "collection", "isrc", "mbid", "tags", "duration_s", "source", "sha256",
    "added_at",
)  # fmt: skip
