"""How search grows with the catalogue: `python -m tests.benchmarks.search_scale`.

It fills a temporary embedded PostgreSQL, with its default settings, with more and more fragments of real music, and
measures at each size what loading, the index, bytes, answers and hits cost; FAISS on the same vectors beside it.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from cli.encoders import open_encoder, read_folder, read_shipped
from cli.evaluate import audio_in, surroundings
from cli.output import print_table, warn
from cli.temporary import temporary_catalogue
from db.encoders import add_encoder
from db.engine import connect, engine, engine_of_one_connection
from db.search import Question
from ml.encoder import Encoder
from tests.benchmarks import reference, server
from tests.benchmarks.catalogue import Asked, Embeddings, Material, queries, read_material, songs
from tests.benchmarks.reference import Reference
from tests.benchmarks.server import Answer

SECONDS = (2, 5, 10)
K = 20
"""Neighbours that vote, of each query fragment."""

COLD_TRIES = 5
LOAD_S = 10.0
"""Seconds for which so many connections ask."""

CONNECTIONS = (1, 4, 16)
DEMO = Path(str(files("cli").joinpath("songs_of_the_demo")))
FOLDER = click.Path(exists=True, path_type=Path)

Sizes = list[dict[str, Any]]


@dataclass(frozen=True)
class Stored:
    """What the database holds, row by row, as it holds it: (N, 64) embeddings, (N,) songs, (N,) positions."""

    vectors: NDArray[np.float32]
    songs: NDArray[np.int32]
    positions: NDArray[np.int32]


@dataclass(frozen=True)
class Quiz:
    """Queries with the catalogue's numbers of their songs."""

    asked: list[Asked]
    questions: list[Question]
    songs: list[int]

    def right(self, answers: Sequence[Answer], numbers: Sequence[int], *, accepted: bool = False) -> list[bool]:
        """Whether each answer, to the query of that number, names its song, and is accepted."""
        return [
            answer.song == self.songs[number] and (answer.accepted or not accepted)
            for answer, number in zip(answers, numbers, strict=True)
        ]

    def of_length(self, seconds: float) -> list[int]:
        """Numbers of the queries so long."""
        return [number for number, asked in enumerate(self.asked) if asked.seconds == seconds]


@click.command()
@click.option("--fragments", default="100000,1000000,5000000", show_default=True, help="Sizes, smallest first.")
@click.option("--music", multiple=True, type=FOLDER, help="Songs to begin with; may be repeated [those of the demo].")
@click.option("--noise", multiple=True, type=FOLDER, help="Noises for the queries [pink noise].")
@click.option("--ir", multiple=True, type=FOLDER, help="Impulse responses for the queries [none].")
@click.option("--encoder", type=FOLDER, help="Folder of another encoder [the shipped one].")
@click.option("--queries", "per_cell", default=30, show_default=True, help="Queries of each length and condition.")
@click.option("--load-seconds", default=LOAD_S, show_default=True, help="How long so many connections ask.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the numbers here, too.")
@click.option("--plots", type=click.Path(path_type=Path), help="Write latency.png and bytes.png to this folder.")
def main(
    fragments: str,
    music: tuple[Path, ...],
    noise: tuple[Path, ...],
    ir: tuple[Path, ...],
    encoder: Path | None,
    per_cell: int,
    load_seconds: float,
    json_path: Path | None,
    plots: Path | None,
) -> None:
    """Measure loading, index, bytes, latency and hits at several sizes, and print a table."""
    wanted = sorted(int(float(n)) for n in fragments.split(","))
    paths = [file.path for file in audio_in(list(music) or [DEMO], None)]
    found: Sizes = []
    with temporary_catalogue(), connect() as connection:
        add_encoder(engine(), read_folder(encoder) if encoder else read_shipped())
        stored, loaded = open_encoder(connection, None)
        material = read_material(paths, loaded, seed=1)
        asked = queries(material, loaded, surroundings(list(noise), list(ir), None), SECONDS, per_cell, seed=2)
        warn(f"{len(material.asked)} songs asked for in {len(asked)} queries, {len(material.versions)} other songs")
        for size, content, rows_per_s in fill(stored.id, material, wanted):
            found.append({"fragments": size, "load_rows_per_s": rows_per_s})
            found[-1] |= measure(stored.id, stored.name, loaded, content, asked, load_seconds)
            warn(json.dumps(found[-1]))
    print_report(found)
    if json_path:
        json_path.write_text(json.dumps({"sizes": found}, indent=1) + "\n")
    if plots:
        from tests.benchmarks.plots import draw

        plots.mkdir(parents=True, exist_ok=True)
        draw(found, plots)


def fill(encoder_id: int, material: Material, wanted: Sequence[int]) -> Iterator[tuple[int, Stored, float]]:
    """Load songs until the catalogue has each of the sizes `wanted`; (its size, what it holds, rows a second)."""
    loaded: list[Embeddings] = []
    source = enumerate(songs(material, seed=3))
    n_rows = 0
    for size in wanted:
        before, started = n_rows, time.perf_counter()
        with engine_of_one_connection() as catalogue:
            while n_rows < size:
                number, embeddings = next(source)
                server.load(catalogue, encoder_id, number, embeddings)
                loaded.append(embeddings.astype(np.float16))
                n_rows += len(embeddings)
        rows_per_s = (n_rows - before) / (time.perf_counter() - started)
        yield n_rows, as_stored(loaded), rows_per_s


def as_stored(loaded: Sequence[NDArray[np.float16]]) -> Stored:
    numbers = server.song_ids()
    lengths = [len(part) for part in loaded]
    owners = np.repeat([numbers[number] for number in range(len(loaded))], lengths).astype(np.int32)
    positions = np.concatenate([np.arange(n, dtype=np.int32) for n in lengths])
    return Stored(np.concatenate(loaded).astype(np.float32), owners, positions)


def measure(
    encoder_id: int, name: str, encoder: Encoder, content: Stored, asked: Sequence[Asked], load_seconds: float
) -> dict[str, Any]:
    """All that is measured at one size."""
    build_s, build_bytes, lists = server.build(name)
    n_bytes = server.sizes(encoder_id)
    hours = len(content.vectors) * encoder.spec.hop_s / 3600
    numbers = server.song_ids()
    quiz = Quiz(
        list(asked),
        [Question(encoder_id, a.fingerprint.embeddings, a.fingerprint.offsets_s) for a in asked],
        [numbers[a.song] for a in asked],
    )
    answers, ms = server.ask_all(quiz.questions)
    everything = range(len(quiz.asked))
    right, accepted = quiz.right(answers, everything), quiz.right(answers, everything, accepted=True)
    fives = quiz.of_length(5)
    result = {
        "hours": hours,
        "build_s": build_s,
        "build_bytes": build_bytes,
        "lists": lists,
        "bytes": n_bytes,
        "mb_per_hour": sum(n_bytes.values()) / hours / 1e6,
        "hit_rate": {str(s): share(right, quiz.of_length(s)) for s in SECONDS},
        "accepted_rate": {str(s): share(accepted, quiz.of_length(s)) for s in SECONDS},
        "sql_ms": {str(s): percentiles(ms, quiz.of_length(s)) for s in SECONDS},
        "searches_per_s": {
            str(n): server.rate([quiz.questions[i] for i in fives], n, load_seconds) for n in CONNECTIONS
        },
        "cold_ms": [server.ask_cold(quiz.questions[i]) for i in fives[:COLD_TRIES]],
    }
    return result | compare(encoder_id, content, quiz, right, accepted)


def compare(
    encoder_id: int, content: Stored, quiz: Quiz, right: Sequence[bool], accepted: Sequence[bool]
) -> dict[str, Any]:
    """Hit rates against exact search, and FAISS' indexes at the effort that gives as many hits as ours at 5 s."""
    fives = quiz.of_length(5)
    with connect() as connection:
        query_parts = [server.parts(connection, question) for question in quiz.questions]

        def answers(found: Sequence[reference.Neighbours], numbers: Sequence[int]) -> list[Answer]:
            """What the neighbours of each of these queries lead to."""
            named = []
            for number, (distances, rows) in zip(numbers, found, strict=True):
                neighbours = (distances, content.songs[rows], content.positions[rows])
                named.append(server.named(connection, encoder_id, query_parts[number], neighbours))
            return named

        everything = range(len(quiz.questions))
        flat = reference.exact(content.vectors)
        best = answers(one_search(flat, [parts for parts, _ in query_parts]), everything)
        exact, exact_accepted = quiz.right(best, everything), quiz.right(best, everything, accepted=True)
        flat_ms = timed(flat, [query_parts[number][0] for number in fives[:20]])[1]
        del flat
        most = share(exact, fives)
        result: dict[str, Any] = {
            "exact_hit_rate": {str(s): share(exact, quiz.of_length(s)) for s in SECONDS},
            "hit_rate_vs_exact": share(right, fives) / most,
            "hit_rate_vs_exact_all": sum(right) / sum(exact),
            "accepted_vs_exact": share(accepted, fives) / max(share(exact_accepted, fives), 1e-9),
            "faiss_flat_ms": percentiles(flat_ms, range(len(flat_ms))),
        }
        for build in (reference.hnsw, reference.ivf_pq):
            made = build(content.vectors)
            key = f"faiss_{made.name.lower().replace('-', '_')}"
            for effort in made.efforts:
                made.set_effort(effort)
                found = timed(made, [query_parts[i][0] for i in fives])[0]
                rate = float(np.mean(quiz.right(answers(found, fives), fives)))
                if rate >= share(right, fives):
                    break
            all_ms = timed(made, [parts for parts, _ in query_parts])[1]
            result |= {
                f"{key}_ms": {str(s): percentiles(all_ms, quiz.of_length(s)) for s in SECONDS},
                f"{key}_hit_rate": rate / most,
                f"{key}_effort": effort,
                f"{key}_build_s": made.build_s,
                f"{key}_bytes": made.n_bytes,
            }
            del made
    return result


def one_search(index: Reference, parts: Sequence[NDArray[np.float32]]) -> list[reference.Neighbours]:
    """The neighbours of all queries, looked up together, which is quickest."""
    edges = list(itertools.accumulate(map(len, parts), initial=0))
    distances, rows = index.search(np.concatenate(parts), K)
    return [(distances[a:b], rows[a:b]) for a, b in itertools.pairwise(edges)]


def timed(index: Reference, parts: Sequence[NDArray[np.float32]]) -> tuple[list[reference.Neighbours], list[float]]:
    """The neighbours of query after query, and the milliseconds that each took."""
    found, ms = [], []
    for part in parts:
        started = time.perf_counter()
        found.append(index.search(part, K))
        ms.append(1000 * (time.perf_counter() - started))
    return found, ms


def share(right: Sequence[bool], numbers: Sequence[int]) -> float:
    return float(np.mean([right[number] for number in numbers]))


def percentiles(ms: Sequence[float], numbers: Sequence[int]) -> dict[str, float]:
    chosen = [ms[number] for number in numbers]
    return {f"p{q}": round(float(np.percentile(chosen, q)), 2) for q in (50, 95, 99)}


def print_report(found: Sizes) -> None:
    """One column a size."""

    def times(key: str, seconds: int) -> Callable[[dict[str, Any]], str]:
        return lambda size: ", ".join(f"{size[key][str(seconds)][p]:.3g}" for p in ("p50", "p95", "p99"))

    def rates(key: str) -> Callable[[dict[str, Any]], str]:
        return lambda size: ", ".join(f"{size[key][str(s)]:.1%}" for s in SECONDS)

    lines: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("hours of audio", lambda size: f"{size['hours']:,.0f}"),
        ("loading, rows/s", lambda size: f"{size['load_rows_per_s']:,.0f}"),
        ("index: lists", lambda size: f"{size['lists']:,}"),
        ("index: built in, s", lambda size: f"{size['build_s']:.1f}"),
        ("index: memory while built, MB", lambda size: f"{size['build_bytes'] / 1e6:,.0f}"),
        ("MB an hour: heap", lambda size: f"{size['bytes']['heap'] / size['hours'] / 1e6:.2f}"),
        ("MB an hour: primary key", lambda size: f"{size['bytes']['primary key'] / size['hours'] / 1e6:.2f}"),
        ("MB an hour: index", lambda size: f"{size['bytes']['index'] / size['hours'] / 1e6:.2f}"),
        ("MB an hour: all", lambda size: f"{size['mb_per_hour']:.3f}"),
        *((f"{s} s: ms, median, 95 %, 99 %", times("sql_ms", s)) for s in SECONDS),
        ("5 s, cold: ms, median", lambda size: f"{np.median(size['cold_ms']):.0f}"),
        (
            "5 s: searches/s, 1, 4, 16 connections",
            lambda size: ", ".join(f"{rate:.0f}" for rate in size["searches_per_s"].values()),
        ),
        ("named right, 2, 5, 10 s", rates("hit_rate")),
        ("by exact search, 2, 5, 10 s", rates("exact_hit_rate")),
        ("share of exact search's, 5 s", lambda size: f"{size['hit_rate_vs_exact']:.1%}"),
        ("share of exact search's, all", lambda size: f"{size['hit_rate_vs_exact_all']:.1%}"),
        ("named right and accepted, 2, 5, 10 s", rates("accepted_rate")),
        ("share of exact search's, 5 s", lambda size: f"{size['accepted_vs_exact']:.1%}"),
        ("FAISS flat, 5 s: ms, median", lambda size: f"{size['faiss_flat_ms']['p50']:.3g}"),
    ]
    for name, key in (("HNSW", "faiss_hnsw"), ("IVF-PQ", "faiss_ivf_pq")):
        lines += [
            (f"FAISS {name}, 5 s: ms, median, 95 %, 99 %", times(f"{key}_ms", 5)),
            (f"FAISS {name}: share of exact search's", lambda size, key=key: f"{size[f'{key}_hit_rate']:.1%}"),
            (f"FAISS {name}: built in, s", lambda size, key=key: f"{size[f'{key}_build_s']:.1f}"),
            (
                f"FAISS {name}: MB an hour",
                lambda size, key=key: f"{size[f'{key}_bytes'] / size['hours'] / 1e6:.2f}",
            ),
        ]
    print_table(
        ("fragments", *(f"{size['fragments']:,}" for size in found)),
        [(label, *(show(size) for size in found)) for label, show in lines],
    )


if __name__ == "__main__":
    main()
