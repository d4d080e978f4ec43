"""songradar searches: what is kept of past searches, and for how long."""

import re
from datetime import timedelta

import click

from songradar.catalogue import Catalogue
from songradar.cli.output import counted
from songradar.db.search import prune_searches, set_kept

KEPT = {
    "all": "all candidates are",
    "accepted": "the accepted one is",
    "names": "the names alone are",
    "none": "nothing is",
}
UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class Age(click.ParamType[timedelta]):
    """Lengths of time such as 12h, 90d, 8w."""

    name = "AGE"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,5})([hdw])", value)
        if found is None:
            self.fail(f"{value!r} is no age such as 12h, 90d or 8w", param, ctx)
        return timedelta(**{UNITS[found[2]]: int(found[1])})


@click.group()
def searches() -> None:
    """Look after the searches that are kept."""


@searches.command()
@click.option("--older-than", metavar="AGE", required=True, type=Age(), help="12h, 90d, 8w: hours, days, weeks.")
def prune(older_than: timedelta) -> None:
    """Remove kept searches, with their matches, that are older than AGE.

    \b
    songradar searches prune --older-than 90d
    """
    with Catalogue.open() as catalogue, catalogue.connection() as connection:
        n = prune_searches(connection, older_than)
    click.echo(f"{counted(n, 'search', 'searches')} removed")


@searches.command("keep")
@click.argument("which", type=click.Choice(list(KEPT)))
@click.option("--for", "kept_for", metavar="AGE", type=Age(), help="Remove searches after 12h, 90d, 8w [never].")
def keep_of_searches(which: str, kept_for: timedelta | None) -> None:
    """Set what is kept of future searches: all candidates, the accepted one, its name alone, or nothing at all.

    \b
    songradar searches keep accepted
    songradar searches keep names --for 90d

    With `names`, it is kept which song was named and when, but not the recording's path, and no search that named none.
    With `none` not even that somebody searched is written down. It holds for all who use the catalogue. With --for,
    whatever search is kept next removes the older ones.
    """
    if kept_for is not None and not kept_for:
        raise click.UsageError("--for 0 keeps nothing: songradar searches keep none")
    with Catalogue.open() as catalogue, catalogue.connection() as connection:
        set_kept(connection, which, kept_for)
    age = f", for {kept_for.total_seconds() / 3600:g} h" if kept_for else ""
    click.echo(f"of searches, {KEPT[which]} kept from now on{age}")
