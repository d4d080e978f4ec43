"""Searches a second with one server and with two: `python -m tests.benchmarks.replicas --help`."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import click

from songradar.catalogue import Catalogue, add_package
from songradar.cli.output import print_table
from songradar.db.search import Question, find_matches
from songradar.evaluate import audio_in, read_surroundings
from songradar.ml.package import read_shipped
from tests import reach
from tests.benchmarks import server
from tests.benchmarks.catalogue import queries, read_material
from tests.benchmarks.setting import MUSIC, fill
from tests.reliability.failover import both, standby
from tests.reliability.house import House, house

CONNECTIONS = 16
SECONDS = 5
"""Length of the recordings."""


@click.command()
@MUSIC
@click.option("--fragments", default=100_000, show_default=True, help="Size of the catalogue.")
@click.option("--for", "for_s", default=20.0, show_default=True, help="How long is measured, in seconds.")
@click.option("--rounds", default=3, show_default=True, help="How often, in turn; medians count.")
def main(music: tuple[Path, ...], fragments: int, for_s: float, rounds: int) -> None:
    """Ask a primary, then a primary and its standby, each server on a core of its own."""
    with house() as built:
        with built.catalogue() as catalogue, reach.pointed_at(built.server):
            add_package(catalogue, read_shipped())
            questions = filled(catalogue, music, fragments)
        with standby(built) as twin:
            pin(built, 0)
            pin(twin, 1)
            ways = {"1 server": None, "2 servers": f"{both(built, twin)}&load_balance_hosts=random"}
            found: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, read_url in ways.items():
                    with Catalogue.open(built.server.url, read_url=read_url) as catalogue:
                        rate = server.rate(questions, CONNECTIONS, for_s, partial(asking, catalogue))
                        found[name].append(rate)
    first = median(found["1 server"])
    print_table(
        (f"{fragments:,} fragments, {SECONDS} s recordings", "searches/s", "times"),
        [(name, f"{median(rates):.0f}", f"{median(rates) / first:.2f}") for name, rates in found.items()],
    )


def filled(catalogue: Catalogue, music: Sequence[Path], fragments: int) -> list[Question]:
    """What to ask of the catalogue, which holds so much from now on."""
    loaded = catalogue.encoder()
    material = read_material([file.path for file in audio_in(music, None)], loaded.network, seed=1)
    asked = queries(material, loaded.network, read_surroundings((), (), None), (SECONDS,), 4, seed=2)
    list(fill(loaded.id, material, [fragments]))
    server.build(loaded.name)
    return [Question(loaded.id, one.fingerprint.embeddings, one.fingerprint.offsets_s) for one in asked]


def pin(built: House, core: int) -> None:
    """Let a server have one core, with all the processes that it starts from now on."""
    os.sched_setaffinity(built.postmaster, {core})


@contextmanager
def asking(catalogue: Catalogue) -> Iterator[Callable[[Question], object]]:
    """Asks each question on whichever connection the catalogue gives."""

    def ask(question: Question) -> None:
        with catalogue.searching() as connection:
            find_matches(connection, question)

    yield ask


if __name__ == "__main__":
    main()
