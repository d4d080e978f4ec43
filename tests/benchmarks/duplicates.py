"""How well copies of songs are told, and other takes are not: `python -m tests.benchmarks.duplicates --help`."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.cli.output import note, print_table
from songradar.db.twins import Pair
from songradar.duplicates import duplicates
from songradar.ingest import IngestOptions, ingest
from songradar.outcomes import Tally
from songradar.tending import tend_index
from tests.benchmarks.copies import KINDS, TRANSPOSED, Kind, add_copy, add_wave, play, takes
from tests.benchmarks.setting import FOLDER, MUSIC

LEAST_S = 40.0
"""Songs of which copies are made are longer."""


@dataclass(frozen=True)
class Copy:
    """Which song of the catalogue is a copy of which, and how it was made."""

    song_id: int
    copy_id: int
    kind: Kind


@click.command()
@MUSIC
@click.option("--songs", "n_songs", default=20, show_default=True, help="Songs of which copies are made.")
@click.option("--midi", type=FOLDER, help="MIDI files, each of which is played with two sound fonts.")
@click.option("--sound-font", "fonts", multiple=True, type=FOLDER, help="Two of them, for --midi.")
@click.option("--takes", "n_takes", default=20, show_default=True, help="MIDI files that are played.")
@click.option("--seed", default=1, show_default=True)
def main(
    music: tuple[Path, ...], n_songs: int, midi: Path | None, fonts: tuple[Path, ...], n_takes: int, seed: int
) -> None:
    """Add copies of some songs to a catalogue, and other takes, then look for duplicates.

    Pairs of songs that are there as they are come last, for ears to judge: collections hold twins that nobody knows of.
    """
    if bool(midi) != (len(fonts) == 2):
        raise click.UsageError("--midi needs two sound fonts")
    rng = np.random.default_rng(seed)
    with Catalogue.temporary() as catalogue:
        encoder, originals = filled(catalogue, music), numbers(catalogue)
        long = [row for row in originals if row[2] > LEAST_S]
        chosen = [long[i] for i in rng.permutation(len(long))[:n_songs]]
        copies = [
            Copy(number, add_copy(catalogue, encoder, path, kind), kind)
            for number, path, _ in chosen
            for kind in (*KINDS, *TRANSPOSED)
        ]
        scores = takes(sorted(midi.rglob("*.mid")), n_takes, rng) if midi else []
        takes_of = [
            tuple(add_wave(catalogue, encoder, f"{score.name} by {font.name}", play(score, font)) for font in fonts)
            for score in scores
        ]
        tend_index(catalogue, encoder.name)
        n_all, started = len(numbers(catalogue)), time.perf_counter()
        pairs = list(duplicates(catalogue))
        seconds = time.perf_counter() - started
    print_copies(copies, {(pair.song_id, pair.other_song_id): pair for pair in pairs})
    print_others(copies, [(a, b) for a, b in takes_of], pairs)
    note(f"{n_all} songs compared in {seconds:.0f} s")


def filled(catalogue: Catalogue, music: Sequence[Path]) -> LoadedEncoder:
    """Ingest the music; the encoder."""
    tally = Tally()
    for outcome in ingest(catalogue, music, IngestOptions(tell_twins=False)):
        tally.add(outcome)
    note(f"{tally.counts['added']} songs, {tally.audio_s / 3600:.1f} h")
    return catalogue.encoder()


def numbers(catalogue: Catalogue) -> list[tuple[int, Path, float]]:
    """Every song's number, file and length."""
    with catalogue.connection() as connection:
        rows = connection.execute("SELECT id, source, duration_s FROM songradar.songs ORDER BY id").fetchall()
    return [(number, Path(source), duration_s) for number, source, duration_s in rows]


def print_copies(copies: Sequence[Copy], pairs: dict[tuple[int, int], Pair]) -> None:
    """For each kind: how many copies are told as twins of their song, and how exactly."""
    by_kind: dict[Kind, list[Copy]] = defaultdict(list)
    for copy in copies:
        by_kind[copy.kind].append(copy)
    rows = []
    for kind, made in by_kind.items():
        found = [pairs[copy.song_id, copy.copy_id] for copy in made if (copy.song_id, copy.copy_id) in pairs]
        shift = [abs(pair.shift_s + kind.start_s / kind.speed) for pair in found]
        speed = [100 * abs(1 / pair.speed - kind.speed) for pair in found]
        exact = sum(s < 1 for s in shift)
        told = (f"{np.median(shift):.2f} s", f"{np.median(speed):.2f} %") if found else ("-", "-")
        rows.append((kind.name, len(made), len(found), exact, *told))
    print_table(("copy", "made", "found", "shift within 1 s", "shift, median", "speed, median"), rows)


def print_others(copies: Sequence[Copy], takes_of: Sequence[tuple[int, int]], pairs: Sequence[Pair]) -> None:
    """Pairs that are none: takes of one score, different songs; and songs that are there as they are."""
    song_of = {copy.copy_id: copy.song_id for copy in copies} | {copy.song_id: copy.song_id for copy in copies}
    made = {copy.copy_id for copy in copies} | {number for both in takes_of for number in both}
    told = [(pair.song_id, pair.other_song_id) for pair in pairs]
    as_they_are = [pair for pair in pairs if not {pair.song_id, pair.other_song_id} & made]
    twins = {(pair.song_id, pair.other_song_id) for pair in as_they_are}
    both_takes = {(min(both), max(both)) for both in takes_of}
    of_copies = [(song_of.get(a, a), song_of.get(b, b)) for a, b in told if {a, b} & made]
    wrong = [(a, b) for a, b in of_copies if a != b and (min(a, b), max(a, b)) not in twins | both_takes]
    n_takes = len(both_takes & set(told))
    click.echo(f"\nother takes told as duplicates: {n_takes} of {len(takes_of)}")
    click.echo(f"pairs with a copy or a take told: {len(of_copies)}, of different songs: {len(wrong)}")
    click.echo(f"pairs among songs as they are: {len(as_they_are)}\n")
    print_table(
        ("song", "other", "in common", "of", "speed", "confidence"),
        [
            (p.title, p.other_title, f"{p.overlap_s:.0f} s", f"{p.duration_s:.0f} s, {p.other_duration_s:.0f} s",
             f"{p.speed:.3f}", f"{p.confidence:.2f}")
            for p in sorted(as_they_are, key=lambda p: -p.confidence)
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
