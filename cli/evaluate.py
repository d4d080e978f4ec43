"""songradar evaluate: how often an encoder names recordings rightly, through the real search path."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import percent, print_table, progress

if TYPE_CHECKING:
    import psycopg

    from db.encoders import NewEncoder
    from db.search import Match, StoredEncoder
    from ml.audio import Wave
    from ml.encoder import Encoder
    from ml.evaluation import Outcome, Query, Score


@click.command()
@click.option("--music", required=True, type=click.Path(path_type=Path), help="Songs to fill the catalogue with.")
@click.option("--noise", type=click.Path(path_type=Path), help="Recordings of noise [pink noise is made].")
@click.option("--encoder", metavar="NAME|DIR", help="Encoder of your catalogue, or a folder of one [the shipped one].")
@click.option("--seed", default=0, show_default=True, help="Seed of all that is drawn.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Write evaluation.json there.")
@click.option(
    "--workers", type=click.IntRange(1), default=os.cpu_count() or 1, help="Files in work at once [all cores]."
)
def evaluate(music: Path, noise: Path | None, encoder: str | None, seed: int, out: Path | None, workers: int) -> None:
    """Reproduce the article's demonstration: is a song named by its first ten seconds, and by less kind cuts?

    The catalogue is a temporary one, filled with the songs in --music.

    \b
    songradar evaluate --music ~/Music --noise ~/noise
    """
    import numpy as np

    from cli.temporary import fill, temporary_catalogue
    from db.engine import connect
    from ml.evaluation import article_queries, scores
    from ml.files import AudioFile, audio_files
    from ml.noise import read_noises
    from ml.spec import AudioSpec

    new = choose_encoder(encoder)
    spec = AudioSpec.from_dict(dict(new.spec))
    noises = read_noises(noise, spec.sample_rate_hz) if noise else []
    with temporary_catalogue(), connect() as connection:
        stored, loaded = fill(connection, new, [music], workers)
        songs = [file.path for file in audio_files([music]) if isinstance(file, AudioFile)]
        queries = article_queries(known(connection, songs), spec, noises, np.random.default_rng(seed))
        outcomes = search_all(queries, connection, stored, loaded, 4 * len(songs))
    result = scores(outcomes)
    print_scores(result)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        facts = {"encoder": new.name, "sha256": new.sha256.hex(), "seed": seed, "songs": len(songs)}
        text = json.dumps(facts | {"conditions": [asdict(score) for score in result]}, indent=2)
        (out / "evaluation.json").write_text(text + "\n")


def choose_encoder(name: str | None) -> "NewEncoder":
    """An encoder by folder, by its name in the user's catalogue, or the one in the package."""
    from importlib.resources import as_file, files

    from cli.encoders import SHIPPED, read_folder
    from db.encoders import read_whole
    from db.engine import engine

    if name is not None and Path(name).is_dir():
        return read_folder(Path(name))
    if name not in (None, SHIPPED):
        return read_whole(engine(), str(name))
    with as_file(files("ml").joinpath("weights", SHIPPED)) as folder:
        return read_folder(folder, SHIPPED)


def known(connection: "psycopg.Connection", songs: Sequence[Path]) -> list[Path]:
    """Those of `songs` that the catalogue holds: what failed to be ingested cannot be asked for."""
    stored = {row[0] for row in connection.execute("SELECT source FROM songradar.songs").fetchall()}
    return [song for song in songs if str(song) in stored]


def search_all(
    queries: "Iterable[Query]",
    connection: "psycopg.Connection",
    stored: "StoredEncoder",
    encoder: "Encoder",
    total: int,
) -> "list[Outcome]":
    """Run every query through match_v1."""
    from db.search import find_matches
    from ml.evaluation import run

    def search(wave: "Wave") -> "list[Match]":
        fingerprint = encoder.fingerprint_query([wave])
        return find_matches(connection, stored.id, fingerprint.embeddings, fingerprint.offsets_s, limit=2)

    outcomes = []
    with progress("searching", total) as advance:
        for outcome in run(queries, search):
            outcomes.append(outcome)
            advance()
    return outcomes


def print_scores(result: "Sequence[Score]") -> None:
    """A Markdown table, as the README shows it."""
    from ml.evaluation import wilson_interval

    rows = []
    for score in result:
        low, high = wilson_interval(score.n_right, score.n_queries)
        share = score.n_right / score.n_queries
        interval = f"{percent(low)} to {percent(high)}"
        rows.append(
            (score.condition, score.n_queries, percent(share), interval, score.n_right_accepted, score.n_wrong_accepted)
        )
    header = ("query", "queries", "top-1", "95 % interval", "named rightly", "named wrongly")
    print_table(header, rows)
