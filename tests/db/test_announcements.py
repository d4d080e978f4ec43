"""Other applications hear of songs and matches, when they are committed and not before."""

import json

import numpy as np
import psycopg
import pytest

from songradar.db import songs
from songradar.db.search import Question, find_matches, save_search
from tests.db.rows import active_encoder_id, add_song, remove_song, unit_vectors
from tests.reach import connect, engine


@pytest.fixture
def heard(database):
    """What came on a channel up to now: `heard("songradar_songs")`."""
    with psycopg.connect(database, autocommit=True) as connection:
        for channel in ("songradar_songs", "songradar_matches"):
            connection.execute(f"LISTEN {channel}")
        payloads = []
        connection.add_notify_handler(lambda note: payloads.append((note.channel, json.loads(note.payload))))

        def heard(channel):
            connection.execute("SELECT 1")
            return [payload for name, payload in payloads if name == channel]

        yield heard


def test_songs_are_announced_as_they_come_change_and_go(heard):
    add_song("Amber")
    add_song("Amber", source="/moved/Amber.flac")  # the bytes are known, so nothing happens
    add_song("Amber", content="Amber, remastered")
    (song,) = songs.songs(engine())
    remove_song(song.id)

    changes = [(note["song_id"], note["change"]) for note in heard("songradar_songs")]
    assert changes == [(song.id, "added"), (song.id, "changed"), (song.id, "removed")]


def test_searches_are_announced_once_when_their_matches_are_there(heard):
    add_song("Amber", seed=1)
    add_song("Birch", seed=2)
    with connect() as connection:
        offsets_s = np.arange(8, dtype=np.float32)
        matches = find_matches(connection, Question(active_encoder_id(), unit_vectors(20, 1)[:8], offsets_s))
        with connection.transaction():
            search_id = save_search(connection, "clip.wav", 8.0, active_encoder_id(), {}, matches)
            before = heard("songradar_matches")

    assert len(matches) == 2
    assert before == []
    assert heard("songradar_matches") == [{"search_id": search_id}]


def test_what_is_rolled_back_is_not_announced(heard, database):
    with psycopg.connect(database) as connection:
        add_song("Amber")
        connection.execute("DELETE FROM songradar.songs")
        connection.rollback()

    assert [note["change"] for note in heard("songradar_songs")] == ["added"]


def test_announcements_are_switched_off_and_on(database, run, heard):
    off = run("db", "announce", "off")
    add_song("Amber")
    on = run("db", "announce", "on")
    add_song("Birch", seed=2)

    assert (off.stdout, on.stdout) == ("announcements are off\n", "announcements are on\n")
    assert len(heard("songradar_songs")) == 1
