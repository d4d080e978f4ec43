"""Three shards behind a proxy answer as one database does."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.resources import files

import numpy as np
import psycopg
import pytest

from songradar.db import search, store
from songradar.db.connection import PROXY_HEAD, Server, connect
from songradar.db.encoders import add_encoder
from songradar.db.moving import copy_songs
from songradar.db.search import Question
from songradar.ml.encoder import Encoder
from songradar.ml.package import read_package
from tests import synth
from tests.conftest import TEMPLATE
from tests.db import clusters
from tests.db.questions import WEIGHTS
from tests.db.rows import new_encoder, song_row, unit_vectors
from tests.toy_encoder import SPEC

pytestmark = pytest.mark.skipif(not clusters.PL_PROXY.exists(), reason=clusters.REASON)

N_MELODIES, N_OTHERS = 20, 185


@dataclass(frozen=True)
class Both:
    """A proxy, and one database with the same songs under the same numbers."""

    proxy: Server
    one: Server
    shards: list[str]


@pytest.fixture(scope="module")
def proxy_url(server) -> Iterator[str]:
    with clusters.proxy_beside(server) as url:
        yield url


@pytest.fixture(scope="module")
def encoder(toy_folder) -> Encoder:
    package = read_package(toy_folder)
    return Encoder(package.onnx, SPEC, package.name)


@pytest.fixture(scope="module")
def melodies() -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [synth.melody(rng, 16.0, 8000) for _ in range(N_MELODIES)]


@pytest.fixture(scope="module")
def both(server, proxy_url, toy_folder, encoder, melodies) -> Iterator[Both]:
    """Twenty melodies, of which four are there in a second file; the encoder has a cohort and a calibration."""
    with clusters.shards_of(server, 3) as urls, clusters.database_of(server.url("postgres"), "one", TEMPLATE) as one:
        proxy = clusters.make_proxy(proxy_url, urls)
        cohort = unit_vectors(8 * 12, seed=77).reshape(8, 12, 64)
        new = replace(new_encoder(toy_folder), cohort=cohort.tolist(), calibration=WEIGHTS)
        for server_ in (Server(one), proxy):
            with clusters.engine_of(server_) as engine:
                add_encoder(engine, new)
        with connect(Server(one)) as connection:
            for number, melody in enumerate(melodies):
                add(connection, encoder, f"Melody {number}", melody)
                if number % 5 == 0:
                    add(connection, encoder, f"Melody {number} again", melody[400:])
        both = Both(proxy, Server(one), urls)
        share(both)
        yield both


@pytest.fixture(scope="module")
def many(both) -> Both:
    """The same, and as many others that strangers need no cohort to be known."""
    with connect(both.one) as connection:
        for seed in range(N_OTHERS):
            positions = np.arange(8, dtype=np.int32)
            store.add_song(connection, song_row(f"Tree {seed}"), 1, positions, unit_vectors(8, seed))
    share(both)
    return both


def add(connection: psycopg.Connection, encoder: Encoder, title: str, melody: np.ndarray) -> None:
    found = encoder.fingerprint_song([melody])
    song = replace(song_row(title), collection="odd" if len(title) % 2 else "even")
    store.add_song(connection, song, 1, found.positions, found.embeddings)


def share(both: Both) -> None:
    """Copy the songs of the one database to the shards."""
    with connect(both.one) as one:
        rows = one.execute("SELECT id, sha256 FROM songradar.songs ORDER BY id").fetchall()
        for number, url in enumerate(both.shards):
            with connect(Server(url)) as shard:
                copy_songs(one, shard, [id_ for id_, sha256 in rows if sha256[0] % 3 == number])


def recordings(encoder: Encoder, melodies: list[np.ndarray], n: int) -> Iterator[Question]:
    """Pieces of melodies in noise, of 2 to 7 s; one in ten is of no song, and two in four are asked of a choice."""
    rng = np.random.default_rng(6)
    for number in range(n):
        melody = melodies[rng.integers(len(melodies))] if number % 10 else synth.melody(rng, 20.0, 8000)
        start_s, duration_s = rng.uniform(0, 8), rng.uniform(2, 7)
        piece = synth.cut(melody, start_s, duration_s, 8000)
        noisy = piece + rng.choice([0.01, 0.1, 0.3]) * rng.standard_normal(len(piece)).astype(np.float32)
        found = encoder.fingerprint_query([noisy.astype(np.float32)])
        choice = [{}, {"collection": "odd"}, {}, {"artist": "the trees"}][number % 4]
        yield Question(1, found.embeddings, found.offsets_s, int(rng.choice([1, 5, 15])), exact=True, **choice)


def answers(server: Server, questions: list[Question]) -> list[list[search.Match]]:
    with connect(server) as connection:
        return [search.find_matches(connection, question) for question in questions]


def assert_equal(of_one: list[search.Match], of_cluster: list[search.Match]) -> None:
    """Numbers of four bytes may differ in the last bit, as sums are added up in any order."""
    assert [match.song_id for match in of_cluster] == [match.song_id for match in of_one]
    for one, other in zip(of_one, of_cluster, strict=True):
        for name, value in vars(one).items():
            expected = pytest.approx(value, rel=1e-5, abs=1e-6) if isinstance(value, float) else value
            assert getattr(other, name) == expected, name


def test_every_sql_file_of_the_proxy_is_run_by_its_revision():
    revision = import_module(f"songradar.migrations.proxy.versions.{PROXY_HEAD}")
    folder = files("songradar.db").joinpath("sql", "proxy_v1")

    assert {file.name for file in folder.iterdir()} == {f"{name}.sql" for name in ("tables_v1", *revision.OF_PROXY)}


@pytest.mark.parametrize(("songs", "n"), [("both", 60), ("many", 200)])
def test_three_shards_answer_as_one_database_does(songs, n, encoder, melodies, request):
    both = request.getfixturevalue(songs)
    questions = list(recordings(encoder, melodies, n))
    of_one, of_cluster = answers(both.one, questions), answers(both.proxy, questions)

    assert sum(bool(found) and found[0].accepted for found in of_one) > n / 3
    assert sum(match.same_recording for found in of_one for match in found[1:]) > 5
    for one, other in zip(of_one, of_cluster, strict=True):
        assert_equal(one, other)
