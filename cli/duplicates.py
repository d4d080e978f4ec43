"""songradar songs duplicates: songs that are the same recording."""

import sys

import click

from songradar.catalogue import Catalogue
from songradar.cli.options import JSON
from songradar.cli.output import counted, note, print_json, print_table
from songradar.cli.progress import stages
from songradar.db.twins import Pair
from songradar.duplicates import DuplicateOptions, relation
from songradar.duplicates import duplicates as find_duplicates
from songradar.events import Event, Step
from songradar.records import of_pair
from songradar.twins import MIN_OVERLAP_S
from songradar.wording import clock, named, percent

HEADER = ("song", "title", "other", "title", "which is", "in common", "shift", "speed", "confidence")
SAID = {"same": "the same", "inside": "around it", "contains": "inside it", "part": "the same in part"}
"""How the other song lies to the first."""


@click.command()
@click.option("--artist", metavar="NAME", help="Only pairs with a song by this artist.")
@click.option("--collection", metavar="NAME", help="Only pairs with a song of this collection.")
@click.option(
    "--min-overlap", metavar="SECONDS", type=click.FloatRange(min=0), default=MIN_OVERLAP_S, show_default=True,
    help="How much two songs must have in common.",
)  # fmt: skip
@click.option("--encoder", metavar="NAME", help="Compare by this encoder's fragments instead of the active one's.")
@JSON
def duplicates(
    artist: str | None, collection: str | None, min_overlap: float, encoder: str | None, as_json: bool
) -> None:
    """Tell which songs are the same recording, as a whole, or one inside the other.

    \b
    songradar songs duplicates
    songradar songs duplicates --collection new --json | jq -r .other_source

    Each pair is told once. Covers and other takes are no duplicates; copies in other formats, cut ones, and those that
    are played up to 6 % faster or slower are. Songs that share only a few seconds, a sample or a jingle, are left out.
    `time in the other = speed * time in the song + shift`.

    Exit code 0: there are some; 1: none; 2: the command could not run.
    """
    options = DuplicateOptions(encoder, artist, collection, min_overlap)
    with Catalogue.open() as catalogue, stages("comparing songs") as tell:

        def listen(event: Event) -> None:
            if isinstance(event, Step):
                tell(f"{event.number} of {event.total}", event.number / event.total)

        found = []
        for pair in find_duplicates(catalogue, options, listen):
            found.append(pair)
            if as_json:
                print_json(of_pair(pair))
    if not as_json and found:
        found.sort(key=lambda pair: (pair.song_id, pair.other_song_id))
        print_table(HEADER, [row(pair) for pair in found], fit=True)
    note(counted(len(found), "pair"))
    sys.exit(0 if found else 1)


def row(pair: Pair) -> tuple[object, ...]:
    """What the table says of a pair."""
    return (
        pair.song_id,
        named(pair.title, pair.artist),
        pair.other_song_id,
        named(pair.other_title, pair.other_artist),
        SAID[relation(pair)],
        clock(pair.overlap_s),
        f"{pair.shift_s:+.1f} s",
        "-" if pair.speed == 1 else f"{100 * (pair.speed - 1):+.1f} %",
        percent(pair.confidence),
    )
