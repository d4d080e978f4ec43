"""Options that several commands share."""

from pathlib import Path

import click

PATH = click.Path(path_type=Path)

WORKERS = click.option("--workers", type=click.IntRange(1), help="Files in work at once [all usable cores].")
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")
ENCODER = click.option("--encoder", metavar="NAME", help="Search with this encoder instead of the active one.")
ARTIST = click.option("--artist", metavar="NAME", help="Look only among this artist's songs.")
COLLECTION = click.option("--collection", metavar="NAME", help="Look only among the songs of this collection.")
MIN_PLAYED = click.option(
    "--min-played", metavar="SECONDS", type=click.FloatRange(min=0), default=0.0, help="Leave out shorter ones."
)
NO_UNKNOWN = click.option("--no-unknown", is_flag=True, help="Leave out what is unknown.")
