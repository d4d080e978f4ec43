"""What removing songs and changing the encoder do to searches: `python -m tests.benchmarks.upkeep --help`."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np

from songradar import encoders
from songradar.catalogue import Catalogue
from songradar.cli.output import print_table
from songradar.db import indexing
from songradar.db.search import Question
from songradar.evaluate import audio_in
from songradar.evaluate import fill as fill_from_files
from songradar.ml.audio import read_audio, resample
from songradar.ml.package import read_included
from songradar.ml.queries import RATE_HZ
from tests import reach
from tests.benchmarks import server
from tests.benchmarks.quiz import Quiz
from tests.benchmarks.setting import MUSIC, QUERIES, fill, prepared
from tests.reach import connect

ACTIVE = "SELECT encoder_id FROM songradar.encoders_v1 WHERE active"
REMOVED_SHARE = 0.3


@click.group()
def main() -> None:
    """Measure what upkeep does to searches."""


@main.command()
@MUSIC
@click.option("--fragments", default=300_000, show_default=True, help="Size of the catalogue.")
@QUERIES
def removal(music: tuple[Path, ...], fragments: int, per_cell: int) -> None:
    """Remove 30 % of the songs, none of them asked for; then VACUUM; then db reindex."""
    rows = []
    with prepared(music, [], [], (5,), per_cell) as setting, connect() as connection:
        stored = setting.stored
        ((content, _),) = fill(stored.id, setting.material, [fragments])
        server.build(stored.name)
        quiz, numbers = Quiz.of(stored.id, content, setting.asked), server.song_ids()

        def measure(label: str) -> None:
            answers, ms = server.ask_all(quiz.questions)
            total = sum(server.sizes(stored.id).values())
            right, (median, most) = quiz.right(answers, quiz.everything), np.percentile(ms, [50, 95])
            rows.append((label, f"{np.mean(right):.1%}", f"{median:.1f}", f"{most:.1f}", f"{total / 1e6:.0f}"))

        measure("before")
        others = sorted(number for number in numbers if number >= len(setting.material.asked))
        gone = np.random.default_rng(0).permutation(others)[: round(REMOVED_SHARE * len(numbers))]
        connection.execute("DELETE FROM songradar.songs WHERE id = ANY(%s)", [[numbers[n] for n in gone.tolist()]])
        measure("30 % of the songs removed")
        connection.execute("VACUUM (ANALYZE) songradar.fragments")
        measure("after VACUUM")
        (index,) = indexing.indexes(connection, stored.name)
        indexing.tidy(reach.server(), index)
        measure("after db reindex")
    print_table(("5 s recordings", "named right", "ms, median", "ms, 95 %", "MB"), rows)


@main.command()
@MUSIC
def reencoding(music: tuple[Path, ...]) -> None:
    """Search all the time while the catalogue is encoded again and searches switch."""
    article = read_included("siamese")
    assert article is not None
    with Catalogue.temporary() as catalogue, reach.pointed_at(catalogue.server):
        fill_from_files(catalogue, article, music, 2)
        encoders.add(catalogue, "contrastive")
        clip = read_audio(audio_in(music, None)[0].path, RATE_HZ, 10 * RATE_HZ)[: 10 * RATE_HZ]
        questions = {}
        for name in ("siamese", "contrastive"):
            encoder = catalogue.encoder(name, threads=1)
            rate_hz = encoder.network.spec.sample_rate_hz
            heard = encoder.network.fingerprint_query(iter([resample(clip, RATE_HZ, rate_hz)]))
            questions[encoder.id] = Question(encoder.id, heard.embeddings, heard.offsets_s)
        with asking(questions) as seen:
            time.sleep(5)
            started = time.monotonic()
            list(encoders.reencode(catalogue, "contrastive"))
            encoders.use(catalogue, "contrastive")
            ended = time.monotonic()
            time.sleep(5)
        with connect() as connection:
            (seconds,) = connection.execute("SELECT sum(duration_s) FROM songradar.songs_v1").fetchone() or (0,)
    rows = []
    for label, first, last in (("before", 0.0, started), ("during", started, ended), ("after", ended, np.inf)):
        ms = [1000 * took for at, took in seen() if first <= at < last]
        median, most = np.percentile(ms, [50, 95])
        rows.append((label, len(ms), f"{median:.1f}", f"{most:.1f}", f"{max(ms):.0f}"))
    print_table(("searches", "n", "ms, median", "ms, 95 %", "ms, longest"), rows)
    print(f"{seconds / 3600:.2f} h in {ended - started:.0f} s: {seconds / (ended - started):.0f} x real time")


@contextmanager
def asking(questions: Mapping[int, Question]) -> Iterator[Callable[[], list[tuple[float, float]]]]:
    """Ask up to twenty times a second, with the active encoder; gives (when, seconds it took) of each search."""
    seen: list[tuple[float, float]] = []
    over = threading.Event()

    def ask() -> None:
        with connect() as connection:
            while not over.wait(0.05):
                at = time.monotonic()
                row = connection.execute(ACTIVE).fetchone()
                assert row is not None
                server.ask(connection, questions[row[0]])
                seen.append((at, time.monotonic() - at))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield lambda: seen
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    main()
