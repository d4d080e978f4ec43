"""songradar searches: what is kept of past searches, and for how long."""

import re
from datetime import timedelta

import click

from songradar.catalogue import Catalogue
from songradar.cli.output import counted
from songradar.db.search import prune_searches, set_kept_candidates

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
@click.argument("which", type=click.Choice(["all", "accepted", "none"]))
def keep_of_searches(which: str) -> None:
    """Set what is kept of future searches: all candidates, the accepted one, or nothing at all.

    \b
    songradar searches keep accepted

    With `none` not even that somebody searched is written down. It holds for all who use the catalogue.
    """
    with Catalogue.open() as catalogue, catalogue.connection() as connection:
        set_kept_candidates(connection, which)
    click.echo(f"of searches, {which if which != 'none' else 'nothing'} is kept from now on")
