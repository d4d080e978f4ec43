"""ingest is a stream of events: lazy, closable, and never behind for long."""

import shutil
import threading

import psycopg
import pytest

from songradar import Catalogue, FileOutcome, IngestOptions, Tally
from songradar.db import store
from songradar.ingest import ingest
from songradar.ml.extraction import Extraction
from tests import synth


@pytest.fixture
def catalogue(database):
    with Catalogue.open(database) as opened:
        yield opened


def test_events_count_up_to_the_number_of_files(catalogue, music):
    tally = Tally()
    events = list(ingest(catalogue, [*music.values(), "nowhere.wav"]))
    for event in events:
        tally.add(event)

    assert all(isinstance(event, FileOutcome) for event in events)
    assert [(event.number, event.total) for event in events] == [(n, 4) for n in (1, 2, 3, 4)]
    assert (tally.counts["added"], tally.counts["failed"]) == (3, 1)
    assert tally.audio_s == pytest.approx(36)


def test_nothing_happens_before_the_first_event_is_asked_for(catalogue, music):
    ingest(catalogue, music.values())

    with catalogue.connection() as connection:
        assert connection.execute("SELECT count(*) FROM songradar.songs").fetchone() == (0,)


def test_closing_the_stream_ends_its_threads_and_keeps_whole_songs(catalogue, tmp_path, rng):
    for number in range(40):
        synth.write_wav(tmp_path / f"{number:02}.wav", synth.melody(rng, 12.0))
    before = threading.active_count()
    stream = ingest(catalogue, tmp_path)
    first = next(stream)
    stream.close()
    with catalogue.connection() as connection:
        n_songs, n_fragments = connection.execute(
            "SELECT count(*), (SELECT count(*) FROM songradar.fragments) FROM songradar.songs"
        ).fetchone()

    assert threading.active_count() == before
    assert n_fragments == first.fragments * n_songs
    assert n_songs < 40


def test_extraction_ends_when_storing_fails(catalogue, music, monkeypatch):
    before = threading.active_count()

    def fails(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr(store, "add_song", fails)
    with pytest.raises(OSError, match="disk is full"):
        list(ingest(catalogue, music.values()))

    assert threading.active_count() == before


def test_songs_whose_files_are_gone_are_listed_and_pruned_below_the_given_paths_alone(catalogue, run, music, tmp_path):
    elsewhere = synth.write_wav(tmp_path / "else.wav", synth.melody(__import__("numpy").random.default_rng(5), 6.0))
    run("ingest", music["Amber"].parent, elsewhere)
    music["Birch"].unlink()
    elsewhere.unlink()
    missing = run("songs", "missing")
    events = list(ingest(catalogue, music["Amber"].parent, IngestOptions(prune=True)))

    assert "Birch" in missing.stdout
    assert missing.stderr == "2 files missing\n"
    assert [event.outcome for event in events] == ["already there", "already there", "removed"]
    assert [event.number for event in events] == [1, 2, 3]
    assert run("songs", "missing").stderr == "1 file missing\n"


def files_of(catalogue):
    """The path of each song, by number."""
    with catalogue.connection() as connection:
        return dict(connection.execute("SELECT id, source FROM songradar.songs ORDER BY id").fetchall())


@pytest.fixture
def three(catalogue, music):
    """The paths of three songs, which are numbers 1, 2 and 3."""
    for path in music.values():
        list(ingest(catalogue, path))
    return list(music.values())


def test_pruning_follows_a_song_that_has_moved(catalogue, three):
    amber, birch, cedar = three
    (amber.parent / "archive").mkdir()
    moved = birch.rename(amber.parent / "archive" / "Birch.wav")

    outcomes = [event.outcome for event in ingest(catalogue, amber.parent, IngestOptions(prune=True))]

    assert sorted(outcomes) == ["already there", "already there", "moved"]
    assert files_of(catalogue) == {1: str(amber), 2: str(moved), 3: str(cedar)}


@pytest.mark.parametrize("unmount", [shutil.rmtree, lambda folder: [path.unlink() for path in folder.iterdir()]])
def test_nothing_is_pruned_below_a_folder_that_is_away(unmount, catalogue, music, tmp_path, rng):
    """A disk that is not mounted leaves no folder, or an empty one."""
    here = synth.write_wav(tmp_path / "here.wav", synth.melody(rng, 6.0))
    list(ingest(catalogue, [*music.values(), here]))
    away, before = music["Amber"].parent, files_of(catalogue)
    unmount(away)

    events = list(ingest(catalogue, [away, here], IngestOptions(prune=True)))

    assert files_of(catalogue) == before
    assert {event.outcome for event in events} == {"failed", "already there"}
    (reason,) = (event.reason for event in events if event.outcome == "failed")
    assert reason.endswith(", so the songs below it are kept: is its disk there?")


def test_file_that_is_moved_over_another_does_not_become_two_songs_of_one_file(catalogue, run, three):
    amber, birch, cedar = three
    amber.replace(birch)

    outcomes = [event.outcome for event in ingest(catalogue, cedar.parent)]

    assert sorted(outcomes) == ["already there", "moved"]
    assert files_of(catalogue) == {1: str(birch), 2: str(amber), 3: str(cedar)}
    assert run("songs", "missing").stderr == "1 file missing\n"
    assert "removed" in [event.outcome for event in ingest(catalogue, cedar.parent, IngestOptions(prune=True))]
    assert files_of(catalogue) == {1: str(birch), 3: str(cedar)}


def test_song_that_is_known_by_another_file_meanwhile_is_not_forgotten(catalogue, three):
    with catalogue.connection() as connection:
        gone = [store.forget_file(connection, 1, source, catalogue.host) for source in ("/old.wav", str(three[0]))]

    assert gone == [False, True]
    assert list(files_of(catalogue)) == [2, 3]


@pytest.fixture
def known_files(catalogue, tmp_path, rng):
    """A thousand files that the catalogue knows: hard links, so that only one is made."""
    one = synth.write_wav(tmp_path / "0.wav", synth.melody(rng, 2.0))
    list(ingest(catalogue, one))
    with catalogue.connection() as connection:
        for number in range(1, 1000):
            (tmp_path / f"{number}.wav").hardlink_to(one)
            connection.execute(
                "WITH song AS (INSERT INTO songradar.songs (title, duration_s, source, host, sha256, size_bytes,"
                " modified_at) SELECT title, duration_s, %s, host, sha256(%s), size_bytes, modified_at"
                " FROM songradar.songs ORDER BY id LIMIT 1 RETURNING id) INSERT INTO songradar.encodings (song_id,"
                " encoder_id, n_fragments) SELECT song.id, e.id, 1 FROM song, songradar.encoders AS e",
                [str(tmp_path / f"{number}.wav"), str(number).encode()],
            )
    return sorted(tmp_path.iterdir())


def test_known_files_are_neither_read_nor_asked_for_one_by_one(catalogue, known_files, monkeypatch):
    """A thousand of them take a fraction of a second; counted, as no time holds on every machine."""
    execute, statements, read = psycopg.Cursor.execute, [], []

    def executes(cursor, statement, *arguments, **options):
        statements.append(statement)
        return execute(cursor, statement, *arguments, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", executes)
    for way in ("hash", "encode", "tags"):
        monkeypatch.setattr(Extraction, way, lambda _, file: read.append(file))
    list(ingest(catalogue, known_files[0]))
    n_for_one = len(statements)
    events = list(ingest(catalogue, known_files))

    assert [event.outcome for event in events] == ["already there"] * 1000
    assert read == []
    assert n_for_one > 0
    assert len(statements) - n_for_one < n_for_one + 10


def test_two_processes_with_swapped_files_do_not_end_in_a_deadlock(catalogue, music, database):
    """Each has the files of the other under its own names, and claims the rows in the other order."""
    list(ingest(catalogue, music.values()))
    paths = list(music.values())
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, contents[::-1], strict=True):
        path.write_bytes(content)
    outcomes = []

    def again():
        with Catalogue.open(database) as mine:
            outcomes.extend(event.outcome for event in ingest(mine, paths))

    threads = [threading.Thread(target=again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(outcomes) == 12
    assert "failed" not in outcomes
