"""How search grows with the catalogue: `python -m tests.benchmarks.search_scale`.

It fills a temporary embedded PostgreSQL, with its default settings, with more and more fragments of real music, and
measures at each size what loading, the index, bytes, answers and hits cost; FAISS on the same vectors beside it.
"""

import json
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import numpy as np

from songradar.cli.output import warn
from tests.benchmarks import reference, server
from tests.benchmarks.quiz import Quiz
from tests.benchmarks.reference import K, Reference
from tests.benchmarks.report import SECONDS, Sizes, print_report
from tests.benchmarks.server import Neighbours
from tests.benchmarks.setting import FOLDER, NOISE, QUERIES, RESPONSES, Setting, Stored, fill, prepared

COLD_TRIES = 5
LOAD_S = 10.0
"""Seconds for which so many connections ask."""

CONNECTIONS = (1, 4, 16)
DEMO = Path(str(files("songradar.cli").joinpath("songs_of_the_demo")))


@click.command()
@click.option("--fragments", default="100000,1000000,5000000", show_default=True, help="Sizes, smallest first.")
@click.option("--music", multiple=True, type=FOLDER, help="Songs to begin with; may be repeated [those of the demo].")
@NOISE
@RESPONSES
@click.option("--encoder", type=FOLDER, help="Folder of another encoder [the shipped one].")
@QUERIES
@click.option("--load-seconds", default=LOAD_S, show_default=True, help="How long so many connections ask.")
@click.option("--indexes-to", default=10**7, show_default=True, help="FAISS builds indexes of so many at most.")
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
    indexes_to: int,
    json_path: Path | None,
    plots: Path | None,
) -> None:
    """Measure loading, index, bytes, latency and hits at several sizes, and print a table."""
    wanted = sorted(int(float(n)) for n in fragments.split(","))
    found: Sizes = []
    with prepared(music or [DEMO], noise, ir, SECONDS, per_cell, encoder) as setting:
        n_asked, n_others = len(setting.material.asked), len(setting.material.versions)
        warn(f"{n_asked} songs asked for in {len(setting.asked)} queries, {n_others} other songs")
        for content, rows_per_s in fill(setting.stored.id, setting.material, wanted):
            found.append({"fragments": len(content.vectors), "load_rows_per_s": rows_per_s})
            found[-1] |= measure(setting, content, load_seconds, indexes_to)
            warn(json.dumps(found[-1]))
    print_report(found)
    if json_path:
        json_path.write_text(json.dumps({"sizes": found}, indent=1) + "\n")
    if plots:
        from tests.benchmarks.plots import draw

        plots.mkdir(parents=True, exist_ok=True)
        draw(found, plots)


def measure(setting: Setting, content: Stored, load_seconds: float, indexes_to: int) -> dict[str, Any]:
    """All that is measured at one size."""
    build_s, build_bytes, lists = server.build(setting.stored.name)
    n_bytes = server.sizes(setting.stored.id)
    hours = content.hours(setting.encoder.spec)
    quiz = Quiz.of(setting.stored.id, content, setting.asked)
    answers, ms = server.ask_all(quiz.questions)
    right, accepted = (quiz.right(answers, quiz.everything, accepted=only) for only in (False, True))
    at_first = server.answered_at_first(quiz.questions)
    fives = [quiz.questions[number] for number in quiz.of_length(5)]
    result = {
        "hours": hours,
        "build_s": build_s,
        "build_bytes": build_bytes,
        "lists": lists,
        "bytes": n_bytes,
        "mb_per_hour": sum(n_bytes.values()) / hours / 1e6,
        "hit_rate": {str(s): share(right, quiz.of_length(s)) for s in SECONDS},
        "accepted_rate": {str(s): share(accepted, quiz.of_length(s)) for s in SECONDS},
        "clean_ms": {str(s): percentiles(ms, quiz.of_length(s, "clean")) for s in SECONDS},
        "first_look": {str(s): share(at_first, quiz.of_length(s)) for s in SECONDS},
        "sql_ms": {str(s): percentiles(ms, quiz.of_length(s)) for s in SECONDS},
        "searches_per_s": {str(n): server.rate(fives, n, load_seconds) for n in CONNECTIONS},
        "cold_ms": [server.ask_cold(question) for question in fives[:COLD_TRIES]],
    }
    result |= compared_with_exact(quiz, right, accepted)
    enough, most = share(right, quiz.of_length(5)), result["exact_hit_rate"]["5"]
    for build in (reference.hnsw, reference.ivf_pq) if len(content.vectors) <= indexes_to else ():
        result |= compared_with_faiss(quiz, build(content.vectors), enough, most)
    return result


def compared_with_exact(quiz: Quiz, right: Sequence[bool], accepted: Sequence[bool]) -> dict[str, Any]:
    """Hit rates of exact search, and ours as shares of them; how long FAISS takes for it."""
    fives = quiz.of_length(5)
    flat = reference.exact(quiz.content.vectors)
    best = quiz.exact(flat)
    exact, exact_accepted = (quiz.right(best, quiz.everything, accepted=only) for only in (False, True))
    ms = timed(quiz, flat, fives[:20])[1]
    return {
        "exact_hit_rate": {str(s): share(exact, quiz.of_length(s)) for s in SECONDS},
        "hit_rate_vs_exact": share(right, fives) / share(exact, fives),
        "hit_rate_vs_exact_all": sum(right) / sum(exact),
        "accepted_vs_exact": share(accepted, fives) / max(share(exact_accepted, fives), 1e-9),
        "faiss_flat_ms": percentiles(ms, range(len(ms))),
    }


def compared_with_faiss(quiz: Quiz, made: Reference, enough: float, most: float) -> dict[str, Any]:
    """An index of FAISS at the least effort that names `enough` of the recordings of 5 s; exact search names `most`."""
    fives = quiz.of_length(5)
    for effort in made.efforts:
        made.set_effort(effort)
        rate = float(np.mean(quiz.right(quiz.answers(timed(quiz, made, fives)[0], fives), fives)))
        if rate >= enough:
            break
    ms = timed(quiz, made, quiz.everything)[1]
    key = f"faiss_{made.name.lower().replace('-', '_')}"
    return {
        f"{key}_ms": {str(s): percentiles(ms, quiz.of_length(s)) for s in SECONDS},
        f"{key}_hit_rate": rate / most,
        f"{key}_effort": effort,
        f"{key}_build_s": made.build_s,
        f"{key}_bytes": made.n_bytes,
    }


def timed(quiz: Quiz, index: Reference, numbers: Sequence[int]) -> tuple[list[Neighbours], list[float]]:
    """The neighbours of these queries, looked up one after the other, and the milliseconds that each took."""
    found, ms = [], []
    for number in numbers:
        parts, _ = quiz.parts[number]
        started = time.perf_counter()
        distances, rows = index.search(parts, K)
        ms.append(1000 * (time.perf_counter() - started))
        found.append(quiz.stored(distances, rows))
    return found, ms


def share(right: Sequence[bool], numbers: Sequence[int]) -> float:
    return float(np.mean([right[number] for number in numbers]))


def percentiles(ms: Sequence[float], numbers: Sequence[int]) -> dict[str, float]:
    chosen = [ms[number] for number in numbers]
    return {f"p{q}": round(float(np.percentile(chosen, q)), 2) for q in (50, 95, 99)}


if __name__ == "__main__":
    main()
