"""The farm: files are given to it once, workers ingest them as songradar ingest does, what fails is written down."""

import psycopg
import pytest

from songradar import Catalogue, encoders
from songradar.db import farm as files
from songradar.db import sharing
from songradar.db.farm import Attempt
from songradar.environment import BadMapping, mapped_paths
from songradar.errors import EncoderUnknown, NotAllowed
from songradar.farm import batch
from songradar.farm import work as working
from songradar.farm.batch import Unseen
from songradar.farm.giving import BATCH, BATCH_BYTES, FarmOptions, batches, enqueue, status
from songradar.farm.queue import FarmMismatch, SchemaManager
from songradar.farm.work import WorkOptions, work
from songradar.ingest import ingest
from songradar.ml.files import AudioFile, Failure
from tests import synth
from tests.reach import connect

SONGS = (
    "SELECT title, source, host, n_fragments FROM songradar.songs JOIN songradar.encodings ON song_id = id ORDER BY 1"
)
FARMED = "SELECT source, state, outcome, reason, faults FROM songradar.farm_v1 ORDER BY source"


@pytest.fixture
def catalogue(database):
    with Catalogue.open(database) as opened:
        yield opened


@pytest.fixture
def quickly(monkeypatch):
    """Jobs are tried again at once."""
    monkeypatch.setattr(working, "pause_s", lambda _attempts: 0)


def asked(catalogue, statement):
    with catalogue.connection() as connection:
        return connection.execute(statement).fetchall()


def given(catalogue, *paths, **options):
    return [one.state for one in enqueue(catalogue, paths, FarmOptions(**options))]


def worked(catalogue, told=None, mapped=()):
    at_once = WorkOptions(concurrency=1, drain=True, mapped=mapped)
    return [outcome.outcome for outcome in work(catalogue, at_once, (told if told is not None else []).append)]


def test_songs_are_there_as_if_they_had_been_ingested(catalogue, music):
    folder = music["Amber"].parent
    list(ingest(catalogue, folder))
    ingested = asked(catalogue, SONGS)
    with catalogue.connection() as connection:
        connection.execute("DELETE FROM songradar.songs")

    assert given(catalogue, folder, collection="wood") == ["enqueued"] * 3
    assert worked(catalogue) == ["added"] * 3
    assert asked(catalogue, SONGS) == ingested
    assert asked(catalogue, "SELECT DISTINCT collection FROM songradar.songs") == [("wood",)]
    assert {row[1:] for row in asked(catalogue, FARMED)} == {("done", "added", None, 0)}
    assert asked(catalogue, "SELECT count(*) FROM songradar_farm.procrastinate_jobs") == [(0,)]


def test_file_is_given_once(catalogue, music):
    folder = music["Amber"].parent
    first, again = given(catalogue, music["Amber"]), given(catalogue, folder)
    worked(catalogue)
    later = given(catalogue, folder)

    assert (first, sorted(again)) == (["enqueued"], ["already waiting", "enqueued", "enqueued"])
    assert later == ["already there"] * 3
    assert len(asked(catalogue, FARMED)) == 3


def test_changed_file_is_given_and_replaced_again(catalogue, music, rng):
    given(catalogue, music["Amber"])
    worked(catalogue)
    synth.write_wav(music["Amber"], synth.melody(rng, 8.0))

    assert given(catalogue, music["Amber"]) == ["enqueued"]
    assert worked(catalogue) == ["replaced"]


def test_bad_file_fails_once_and_says_why(catalogue, music):
    music["Birch"].write_bytes(b"no music")
    states = given(catalogue, music["Amber"].parent, "nowhere.wav")
    outcomes = worked(catalogue)
    rows = asked(catalogue, "SELECT outcome, reason, faults FROM songradar.farm_v1 WHERE state = 'failed'")

    assert states == ["enqueued"] * 3 + ["failed"]
    assert sorted(outcomes) == ["added", "added", "failed"]
    assert [(outcome, faults) for outcome, _, faults in rows] == [("failed", 0)]
    assert rows[0][1]
    assert status(catalogue).queue.is_empty
    assert status(catalogue).states == {"waiting": 0, "working": 0, "done": 2, "failed": 1}


def test_folder_that_lies_elsewhere_on_the_worker_is_known_as_it_was_given(catalogue, music):
    folder = music["Amber"].parent
    given(catalogue, folder)
    elsewhere = folder.rename(folder.with_name("mounted"))
    outcomes = worked(catalogue, mapped=[(folder, elsewhere)])

    assert outcomes == ["added"] * 3
    assert {source for _, source, _, _ in asked(catalogue, SONGS)} == {str(path) for path in music.values()}


def test_copy_is_known_by_the_file_that_was_there_first_wherever_that_lies(catalogue, music):
    folder = music["Amber"].parent
    given(catalogue, folder)
    (folder / "zz copy.wav").write_bytes(music["Amber"].read_bytes())
    elsewhere = folder.rename(folder.with_name("mounted"))
    worked(catalogue, mapped=[(folder, elsewhere)])
    elsewhere.rename(folder)
    given(catalogue, folder / "zz copy.wav")
    folder.rename(elsewhere)

    assert worked(catalogue, mapped=[(folder, elsewhere)]) == ["already there"]


def test_worker_that_does_not_see_the_files_ends_and_leaves_them_to_others(catalogue, music):
    folder = music["Amber"].parent
    given(catalogue, folder)
    hidden = folder.rename(folder.with_name("hidden"))
    with pytest.raises(Unseen, match="music: .* does not see it.*SONGRADAR_PATHS"):
        worked(catalogue)
    waiting = status(catalogue)
    hidden.rename(folder)

    assert (waiting.queue.jobs_waiting, waiting.states["waiting"]) == (1, 3)
    assert worked(catalogue) == ["added"] * 3


@pytest.mark.parametrize("said", ["/music", "music=/mnt", "/music=mnt"])
def test_mapping_that_is_none_is_refused(said):
    with pytest.raises(BadMapping, match=f"SONGRADAR_PATHS: {said} is no pair"):
        mapped_paths({"SONGRADAR_PATHS": said})


def test_disturbed_file_system_is_tried_again(catalogue, music, monkeypatch, quickly):
    given(catalogue, music["Amber"].parent)
    failures = [Failure(str(music["Birch"]), "may not be read (Stale file handle)", is_passing=True)]
    stat = batch.stat
    monkeypatch.setattr(batch, "stat", lambda path: failures.pop() if failures and "Birch" in str(path) else stat(path))
    told = []
    outcomes = worked(catalogue, told)

    assert outcomes == ["added"] * 3
    assert told == ["job 1: the network was in the way of 1 of 3 files; next attempt in 0 s"]
    assert [row[4] for row in asked(catalogue, FARMED)] == [0, 1, 0]


def test_file_that_stays_out_of_reach_fails_at_last(catalogue, music, monkeypatch, quickly):
    given(catalogue, music["Amber"].parent)
    stat = batch.stat
    stale = Failure("", "may not be read (Stale file handle)", is_passing=True)
    monkeypatch.setattr(batch, "stat", lambda path: stale if "Birch" in str(path) else stat(path))

    assert sorted(worked(catalogue)) == ["added", "added", "failed"]
    assert asked(catalogue, FARMED)[1][1:] == ("failed", "failed", stale.reason, batch.FAULTS - 1)


def test_job_for_an_encoder_that_was_removed_fails_and_says_so(catalogue, music, tmp_path):
    from tests.toy_encoder import write_toy_encoder

    encoders.add(catalogue, write_toy_encoder(tmp_path / "other", seed=1))
    given(catalogue, music["Amber"], encoder="other")
    encoders.remove(catalogue, "other")
    told = []

    assert worked(catalogue, told) == []
    assert "other" in told[0]
    assert asked(catalogue, FARMED)[0][1:4] == ("failed", "failed", told[0].removeprefix("job 1: "))


def test_unknown_encoder_is_refused_when_files_are_given(catalogue, music):
    with pytest.raises(EncoderUnknown):
        given(catalogue, music["Amber"], encoder="none")


def test_outcome_of_an_attempt_that_was_given_up_is_not_written(catalogue, music):
    given(catalogue, music["Amber"])
    lost, later = (Attempt(1, number, "here", None) for number in (0, 1))
    with connect() as connection:
        (file,) = files.take(connection, lost)
        (again,) = files.take(connection, later)
        ended = [files.end(connection, attempt, file, "added", None) for attempt in (lost, later)]
        files.fail(connection, lost, "given up")

    assert file == again
    assert ended == [False, True]
    assert asked(catalogue, FARMED)[0][2] == "added"


def test_jobs_of_a_silent_worker_are_handed_back_and_those_of_others_not(catalogue, music):
    for path in music.values():
        given(catalogue, path)
    with connect() as connection:
        connection.execute(
            "INSERT INTO songradar_farm.procrastinate_workers (last_heartbeat) VALUES (now()), (now() - interval '1 h')"
        )
        connection.execute("UPDATE songradar_farm.procrastinate_jobs SET status = 'doing', worker_id = nullif(id, 3)")
        n = files.hand_back(connection, 60)
    rows = asked(catalogue, "SELECT id, status::text, attempts FROM songradar_farm.procrastinate_jobs ORDER BY id")

    assert n == 2
    assert rows == [(1, "doing", 0), (2, "todo", 1), (3, "todo", 1)]


def test_worker_that_is_told_to_end_leaves_the_rest_to_others(catalogue, tmp_path, rng):
    for number in range(12):
        synth.write_wav(tmp_path / f"{number:02}.wav", synth.melody(rng, 6.0))
    given(catalogue, tmp_path)
    working = work(catalogue, WorkOptions(concurrency=1))
    next(working)
    working.close()
    left = status(catalogue)

    assert left.states["waiting"] > 0
    assert (left.queue.jobs_waiting, left.queue.jobs_working) == (1, 0)
    assert len(worked(catalogue)) == left.states["waiting"]
    assert asked(catalogue, "SELECT count(*) FROM songradar.songs") == [(12,)]


def test_writer_works_and_reader_does_not(catalogue, database, server, music):
    given(catalogue, music["Amber"])
    with server.role("worker"), connect() as connection:
        sharing.grant(connection, "worker", write=True)
        with Catalogue.open(database.replace("postgres@", "worker@")) as theirs:
            given(theirs, music["Birch"])
            outcomes = worked(theirs)
            sharing.grant(connection, "worker")
            with pytest.raises(NotAllowed, match="worker has no rights in the farm.*db grant worker --write"):
                worked(theirs)
            with pytest.raises(NotAllowed):
                given(theirs, music["Cedar"])
        sharing.revoke(connection, "worker")

    assert outcomes == ["added"] * 2


def test_other_tables_than_the_installed_procrastinate_needs_are_noticed(catalogue, music, monkeypatch):
    """The queue's SQL is a copy of what procrastinate has released: a release that changes it needs a revision."""
    assert given(catalogue, music["Amber"]) == ["enqueued"]

    monkeypatch.setattr(SchemaManager, "get_schema", staticmethod(lambda: "CREATE TABLE another ();"))
    with pytest.raises(FarmMismatch, match="procrastinate==3.10"):
        given(catalogue, music["Amber"])


def test_functions_of_the_queue_look_into_its_schema_alone_and_nobody_else_calls_them(catalogue):
    rows = asked(
        catalogue,
        "SELECT p.proname, p.proconfig, p.prosecdef, has_function_privilege('pg_monitor', p.oid, 'EXECUTE')"
        "  FROM pg_proc AS p WHERE p.pronamespace = 'songradar_farm'::regnamespace",
    )

    assert len(rows) > 10
    assert {tuple(row[1:]) for row in ((n, *c, d, x) for n, c, d, x in rows)} == {
        ("search_path=pg_catalog, songradar_farm, pg_temp", False, False)
    }


def test_files_that_are_named_one_by_one_make_one_job(catalogue, music):
    given(catalogue, *music.values())

    assert {row[0] for row in asked(catalogue, "SELECT job FROM songradar.farm_v1")} == {1}


def test_jobs_are_neither_long_nor_large(tmp_path):
    small = [AudioFile(tmp_path / str(n), 1, None) for n in range(2 * BATCH + 1)]
    large = [AudioFile(tmp_path / str(n), BATCH_BYTES // 2, None) for n in range(3)]
    huge = [AudioFile(tmp_path / "huge", 2 * BATCH_BYTES, None)]

    assert [len(batch) for batch in batches(small)] == [BATCH, BATCH, 1]
    assert [len(batch) for batch in batches(large)] == [2, 1]
    assert [len(batch) for batch in batches([*huge, *small[:2]])] == [1, 2]


def test_lost_database_is_waited_for(catalogue, database, server, music):
    """All of its connections end while a worker waits for jobs."""
    told = []
    working = work(catalogue, WorkOptions(concurrency=1), told.append)
    given(catalogue, music["Amber"])
    first = next(working)
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [database.split("/")[3].split("?")[0]],
        )
    given(catalogue, music["Birch"])
    second = next(working)
    working.close()

    assert (first.outcome, second.outcome) == ("added", "added")
