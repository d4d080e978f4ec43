"""What catalogues would take that nobody has measured: `python -m tests.benchmarks.cluster_on_paper`.

It reckons with what was measured at up to five million fragments (docs/scaling.md, docs/accuracy.md). Beyond that, the
time of a search is taken to grow with the fragments in a list of the index, since a search looks into as many lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import click

from songradar.cli.output import counted, print_table
from songradar.db.indexing import BYTES_PER_LIST_SQUARED, MAX_LISTS, ROWS_PER_LIST

SONG_S = 240.0
HOP_S = 0.625
MB_PER_HOUR, MB_PER_HOUR_OF_INDEX = 1.441, 0.28 + 0.12
"""At 5,000,053 fragments; the index of codes and the primary key are read by every search."""

CPU_S_PER_HOUR = 5.5
"""Processor time of ingesting an hour of audio."""

MS_PER_ROW = 22.7 / (5_000_053 / 5_359)
"""Median of a search for 5 s, divided by the fragments in a list."""

CORES = 16


@dataclass(frozen=True)
class Cluster:
    """`songs` on `shards`, whose indexes are built with `build_gb` of memory each."""

    songs: float
    shards: int
    build_gb: float

    @property
    def fragments(self) -> float:
        return self.songs * SONG_S / HOP_S

    @property
    def hours(self) -> float:
        return self.songs * SONG_S / 3600

    @property
    def lists(self) -> int:
        wanted = int(self.fragments / self.shards / ROWS_PER_LIST)
        return min(wanted, isqrt(int(self.build_gb * 1e9 / BYTES_PER_LIST_SQUARED)), MAX_LISTS)

    @property
    def search_ms(self) -> float:
        """On each shard, all at once."""
        return MS_PER_ROW * self.fragments / self.shards / self.lists


CLUSTERS = (
    Cluster(1e6, 1, 64),
    Cluster(1e7, 4, 64),
    Cluster(1e7, 16, 32),
    Cluster(1e7, 64, 16),
    Cluster(1e8, 16, 64),
    Cluster(1e8, 64, 64),
)


@click.command()
@click.option("--workers", default=64, show_default=True, help="Cores that ingest.")
def main(workers: int) -> None:
    """Print a table: memory, disk and time of clusters."""
    print_table(
        ["", *(f"{cluster.songs / 1e6:.0f} M songs, {counted(cluster.shards, 'shard')}" for cluster in CLUSTERS)],
        rows(CLUSTERS, workers),
    )


def rows(clusters: Sequence[Cluster], workers: int) -> list[list[str]]:
    return [
        ["fragments of a shard, millions", *(f"{c.fragments / c.shards / 1e6:.0f}" for c in clusters)],
        ["disk of a shard, GB", *(f"{c.hours * MB_PER_HOUR / 1e3 / c.shards:.0f}" for c in clusters)],
        ["of that, indexes, GB", *(f"{c.hours * MB_PER_HOUR_OF_INDEX / 1e3 / c.shards:.0f}" for c in clusters)],
        ["memory to build an index, GB", *(f"{c.lists**2 * BYTES_PER_LIST_SQUARED / 1e9:.0f}" for c in clusters)],
        ["fragments in a list", *(f"{c.fragments / c.shards / c.lists:,.0f}" for c in clusters)],
        ["search for 5 s, median, s", *(f"{c.search_ms / 1e3:.2f}" for c in clusters)],
        ["core-seconds of a search", *(f"{c.search_ms * c.shards / 1e3:.1f}" for c in clusters)],
        [f"searches/s, {CORES} cores a shard", *(f"{1e3 * CORES / c.search_ms:.0f}" for c in clusters)],
        [f"ingesting, {workers} cores, days", *(f"{c.hours * CPU_S_PER_HOUR / workers / 86400:.1f}" for c in clusters)],
    ]


if __name__ == "__main__":
    main()
