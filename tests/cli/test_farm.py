"""songradar farm: what its commands say, and how they end."""

import json

from tests.reach import connect


def test_commands_tell_what_was_given_done_and_left(database, run, music):
    music["Birch"].write_bytes(b"no music")
    folder = music["Amber"].parent
    given = run("farm", "enqueue", folder, "nowhere.wav")
    before = run("farm", "status")
    worked = run("farm", "work", "--drain", "--concurrency", 1)
    after = run("farm", "status")

    assert (given.exit_code, given.stderr) == (1, "nowhere.wav: does not exist\n")
    assert given.stdout == "3 enqueued, 0 already there, 0 already waiting, 1 failed\n"
    assert before.stdout == "0 workers, 0 jobs in work, 1 waiting\n3 waiting, 0 working, 0 done, 0 failed\n"
    assert worked.exit_code == 1
    assert worked.stdout.startswith("2 added, 0 already there, 1 failed\n")
    assert worked.stderr.startswith(f"{music['Birch']}: ")
    assert after.stdout.splitlines()[1:] == [
        "0 waiting, 0 working, 2 done, 1 failed",
        "of these: 2 added, 1 failed",
    ]


def test_json_tells_the_same(database, run, music):
    given = run("farm", "enqueue", "--json", music["Amber"])
    worked = run("farm", "work", "--drain", "--json")
    status = run("farm", "status", "--json")

    assert json.loads(given.stdout) == {"source": str(music["Amber"]), "state": "enqueued"}
    assert [json.loads(line).get("outcome") for line in worked.stdout.splitlines()] == ["added", None]
    assert json.loads(status.stdout) == {
        "files": {"waiting": 0, "working": 0, "done": 1, "failed": 0},
        "outcomes": {"added": 1},
        "queue": {"jobs_waiting": 0, "jobs_working": 0, "workers": 0},
    }


def test_worker_that_cannot_work_here_says_why(database, run, music, monkeypatch):
    run("farm", "enqueue", music["Amber"])
    monkeypatch.setenv("SONGRADAR_PATHS", f"{music['Amber'].parent}=/mnt/nowhere")
    unseen = run("farm", "work")
    monkeypatch.setenv("SONGRADAR_PATHS", "nowhere")
    unreadable = run("farm", "work")

    assert (unseen.exit_code, unreadable.exit_code) == (2, 2)
    assert unseen.stderr == (
        "songradar: /mnt/nowhere: this machine does not see it, as the farm's files need: SONGRADAR_PATHS says where it"
        " lies\n"
    )
    assert (
        unreadable.stderr == "songradar: SONGRADAR_PATHS: nowhere is no pair of paths such as /srv/music=/mnt/music\n"
    )
    with connect() as connection:
        assert connection.execute("SELECT state FROM songradar.farm_v1").fetchall() == [("waiting",)]
