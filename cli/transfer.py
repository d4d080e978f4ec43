"""songradar export and import: songs with their fragments, without their audio, from one catalogue into another."""

import sys
from pathlib import Path

import click

from songradar.catalogue import Catalogue
from songradar.cli.options import JSON, PATH
from songradar.cli.output import counted, note, print_json, size, warn
from songradar.cli.progress import stages
from songradar.cli.reporting import build_index
from songradar.encoders import summaries
from songradar.transfer import ExportOptions, export_songs, import_songs
from songradar.wording import shown

FILE = click.argument("file", metavar="FILE", type=PATH)


@click.command("export")
@FILE
@click.option("--collection", metavar="NAME", help="Only the songs of this collection.")
@click.option("--artist", metavar="NAME", help="Only this artist's songs.")
@click.option("--encoder", metavar="NAME", help="As encoded by this encoder instead of the active one.")
@click.option("--no-network", is_flag=True, help="Leave the encoder out: for catalogues that have it.")
@click.option("--no-paths", is_flag=True, help="Tell only the names of files, not their folders, nor this machine's.")
@JSON
def export(
    file: Path,
    collection: str | None,
    artist: str | None,
    encoder: str | None,
    no_network: bool,
    no_paths: bool,
    as_json: bool,
) -> None:
    """Write songs to FILE: what is known of them, their fragments and their encoder; not the audio.

    \b
    songradar export label.songradar --collection label
    songradar export everything.songradar --no-paths

    `songradar import FILE` adds them to another catalogue, which then finds them. A FILE that is there is left alone.
    """
    options = ExportOptions(artist, collection, encoder, network=not no_network, paths=not no_paths)
    with Catalogue.open() as catalogue, stages("exporting") as tell:
        exported = export_songs(catalogue, file, options, tell)
    held = exported.manifest
    if as_json:
        facts = {"songs": held.songs, "fragments": held.fragments, "encoder": held.encoder}
        print_json({"file": str(file), **facts, "left_out": exported.left_out, "bytes": file.stat().st_size})
    else:
        extent = f"{counted(held.songs, 'song')}, {counted(held.fragments, 'fragment')} by {held.encoder}"
        click.echo(f"{shown(str(file))}: {extent}, {size(file.stat().st_size)}")
    if exported.left_out:
        warn(f"{counted(exported.left_out, 'song')} not encoded by {held.encoder} left out")


@click.command("import")
@FILE
@click.option("--collection", metavar="NAME", help="Part of the catalogue that new songs go into [theirs].")
@JSON
def import_(file: Path, collection: str | None, as_json: bool) -> None:
    """Add the songs in FILE, which `songradar export` has written.

    \b
    songradar import label.songradar
    songradar import label.songradar --collection "from the label"

    All songs are added, or none where anything is wrong with FILE. Songs that are there already, by the bytes of their
    files, stay as they are, so it may be run again. Import only files that you trust: the network in them runs here.

    Exit code 0: all went well; 1: some song was left out, as its path stands for other bytes here; 2: nothing was done.
    """
    with Catalogue.open() as catalogue:
        with stages("importing") as tell:
            done = import_songs(catalogue, file, collection, tell)
        build_index(catalogue, done.encoder)
        active = next((encoder.name for encoder in summaries(catalogue) if encoder.active), None)
    for source, song_id in done.conflicts.items():
        warn(f"{source}: left out, as song {song_id} is another version of this file")
    if as_json:
        print_json(vars(done))
    else:
        counts = f"{done.added} added, {done.present} already there, {len(done.conflicts)} left out"
        click.echo(f"{shown(str(file))}: {counts}; {counted(done.fragments, 'fragment')} by {done.encoder}")
    if done.encoder != active:
        note(f"searches use encoder {active}, which does not find them: see songradar encoders use")
    sys.exit(1 if done.conflicts else 0)
