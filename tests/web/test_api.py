"""What the interface answers, compared with its OpenAPI document."""

import json
import os
import tempfile
import threading
import time
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from songradar.identify import SearchOptions, identify
from songradar.ml.audio import read_audio
from songradar.records import of_answer
from songradar.uploads import remove_old
from songradar.web import service as web_service
from songradar.web.openapi import document
from tests import synth
from tests.web.document import check

ROOT = Path(__file__).parents[2]


def test_document_in_the_repository_is_what_the_server_says(served):
    kept = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))

    assert served.get("/openapi.json").json() == document() == kept


def test_every_operation_of_the_document_is_routed(served):
    for path, operations in document()["paths"].items():
        for method in operations:
            if path != "/events":  # which does not end
                answer = served.client.request(method, "/api/v1" + path.replace("{", "").replace("}", ""))
                assert answer.status_code not in (404, 405, 500), (method, path, answer.text)


def test_form_and_body_name_the_same_song_as_the_command_line(served, clip):
    direct = of_answer(identify(served.catalogue, clip.read_bytes(), SearchOptions()))
    by_form = served.post("/identify", files={"file": ("clip.wav", clip.read_bytes())})
    by_body = served.post("/identify", content=clip.read_bytes(), headers={"Content-Type": "audio/wav"})

    assert by_form.status_code == 200
    answers = [check(answer, "/identify") for answer in (by_form, by_body)]
    assert [answer.pop("query") for answer in answers] == ["clip.wav", "recording"]
    for answer in (*answers, direct):
        answer.pop("timings_ms")
    direct.pop("query")
    assert answers == [direct, direct]
    assert direct["matches"][0]["title"] == "Birch"
    assert direct["matches"][0]["offset_s"] == pytest.approx(4, abs=0.1)


def test_no_sound_of_what_is_sent_stays_behind_unless_that_is_asked_for(served, clip, options, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def left_by(path, **asked):
        sent = {"file": ("clip.wav", clip.read_bytes())}
        assert "Birch" in served.post(path, files=sent, params=asked).text
        end = time.monotonic() + 5
        while any(temporary.iterdir()) and time.monotonic() < end:  # it is tidied up a moment after the last line
            time.sleep(0.02)
        return [file.name for folder in (temporary, options.uploads) for file in folder.rglob("*") if file.is_file()]

    assert left_by("/identify") == []
    assert left_by("/scans") == []
    assert left_by("/scans", keep="false", keep_recording="true") == []
    assert left_by("/scans", keep_recording="true") == ["clip.wav"]


def test_recordings_are_removed_when_their_days_are_over(serve, clip, options):
    with serve(recordings_days=2) as served:
        sent = {"file": ("clip.wav", clip.read_bytes())}
        served.post("/scans", files=sent, params={"keep_recording": "true"})
        days = check(served.get("/scans"), "/scans")["recordings_days"]
        (kept,) = options.uploads.rglob("clip.wav")
        remove_old(options.uploads / "recordings", days)
        is_there_before = kept.exists()
        os.utime(kept, (time.time() - 2.1 * 24 * 3600,) * 2)
    with serve(recordings_days=2) as served:
        wait_until(lambda: not kept.exists())
        status = served.get("/scans/1/audio").status_code

    assert (days, is_there_before, status) == (2, True, 404)


def test_recording_that_is_sent_again_is_there_as_long_as_one_of_its_scans(served, clip, options):
    def sent(**asked):
        lines = served.post("/scans", files={"file": ("clip.wav", clip.read_bytes())}, params=asked).text.splitlines()
        return json.loads(lines[0])["scan_id"]

    first = sent(keep_recording="true")
    (kept,) = options.uploads.rglob("clip.wav")
    os.utime(kept, (1, 1))
    second = sent(keep_recording="true", min_played=1)
    is_fresh = time.time() - kept.stat().st_mtime < 60
    served.client.delete(f"/api/v1/scans/{first}")
    is_heard_still = served.get(f"/scans/{second}/audio").status_code == 200
    sent(min_played=1)

    assert (is_fresh, is_heard_still, kept.exists()) == (True, True, False)


def wait_until(is_so):
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_embeddings_name_the_same_song_as_sound(served, clip):
    encoder = served.catalogue.encoder().network
    found = encoder.fingerprint_query([read_audio(clip, encoder.spec.sample_rate_hz)])
    body = {"embeddings": found.embeddings.tolist(), "offsets_s": found.offsets_s.tolist(), "query": "mine"}
    answer = check(served.post("/identify", json=body, params={"limit": 1}), "/identify")

    assert (answer["query"], answer["matched"], answer["matches"][0]["title"]) == ("mine", True, "Birch")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"embeddings": [], "offsets_s": []},
        {"embeddings": [[0.1] * 64], "offsets_s": [0, 1]},
        {"embeddings": [[0.1] * 63], "offsets_s": [0]},
        {"embeddings": [[0.1] * 64, [0.1] * 3], "offsets_s": [0, 1]},
        {"embeddings": [[1e9] * 64], "offsets_s": [0]},
        {"embeddings": [[0.1] * 64] * 2, "offsets_s": [1, 0]},
        {"embeddings": [["a"] * 64], "offsets_s": [0]},
        {"embeddings": [[0.1] * 64], "offsets_s": [0], "duration_s": -1},
        {"embeddings": [[0.1] * 64], "offsets_s": [0], "query": 7},
        {"embeddings": [[0.1] * 64], "offsets_s": [0], "query": "x" * 1001},
        {"embeddings": [[0.1] * 64], "offsets_s": [0], "query": "\udc80"},
        {"embeddings": [[0.1] * 64], "offsets_s": [0], "encoder": "\ud800"},
    ],
)
def test_embeddings_that_are_none_are_refused(served, body):
    # As ASCII, which may tell halves of characters.
    answer = served.post("/identify", content=json.dumps(body), headers={"Content-Type": "application/json"})

    assert answer.status_code == 422
    check(answer, "/identify")


def test_searches_are_kept_again_once_the_database_takes_them_again(served, clip, monkeypatch):
    served.app.state.service.keeps = False
    post = partial(served.post, "/identify", content=clip.read_bytes(), headers={"Content-Type": "audio/wav"})
    at_once = post()
    monkeypatch.setattr(web_service, "ASKED_AGAIN_S", 0.0)
    later = post()

    assert ["Content-Location" in answer.headers for answer in (at_once, later)] == [False, True]


def test_search_is_kept_and_shown(served, clip):
    answer = served.post("/identify", files={"file": ("clip.wav", clip.read_bytes())})
    path = answer.headers["content-location"].removeprefix("/api/v1")
    kept = check(served.get(path), "/searches/{search_id}")
    page = check(served.get("/searches"), "/searches")
    silent = served.post("/identify", files={"file": ("clip.wav", clip.read_bytes())}, params={"keep": "false"})

    assert (kept["query"], kept["matched"], kept["matches"][0]["title"]) == ("clip.wav", True, "Birch")
    assert (page["total"], page["searches"][0]) == (1, kept)
    assert "content-location" not in silent.headers
    assert served.get("/searches").json()["total"] == 1


def test_songs_are_listed_in_pages_searched_and_sorted(served):
    def titles(**parameters: object) -> list[str]:
        return [song["title"] for song in check(served.get("/songs", params=parameters), "/songs")["songs"]]

    assert titles() == ["Amber", "Birch", "Cedar"]
    assert titles(sort="title", descending="true", limit=2) == ["Cedar", "Birch"]
    assert titles(limit=2, offset=2) == ["Cedar"]
    assert titles(q="irc") == ["Birch"]
    assert titles(collection="nobody") == []
    assert served.get("/songs", params={"q": "irc", "limit": 1}).json()["total"] == 1


def test_song_is_edited_and_removed(served):
    song_id = served.get("/songs", params={"q": "Amber"}).json()["songs"][0]["song_id"]
    path = f"/songs/{song_id}"
    answer = served.client.patch(
        f"/api/v1{path}", json={"artist": None, "isrc": "de-a73-18-00123", "tags": {"upc": "4"}}
    )
    edited = check(answer, "/songs/{song_id}")
    refused = served.client.patch(f"/api/v1{path}", json={"isrc": "none"})
    gone = served.client.delete(f"/api/v1{path}")

    assert (edited["artist"], edited["isrc"], edited["tags"]) == (None, "DEA731800123", {"upc": "4"})
    assert check(served.get("/songs"), "/songs")["total"] == 2
    assert (refused.status_code, gone.status_code) == (422, 204)
    assert check(served.get(path), "/songs/{song_id}")["detail"] == f"there is no song number {song_id}"


def test_what_is_not_offered_is_told_with_what_is(served):
    undeclared = served.get("/identify"), served.client.put("/api/v1/songs/1"), served.client.patch("/api/v1/songs")

    assert [answer.status_code for answer in undeclared] == [405] * 3
    assert set(undeclared[1].headers["allow"].split(", ")) == {"GET", "HEAD", "PATCH", "DELETE"}
    assert served.get("/nothing").json()["type"] == "urn:songradar:problem:not-found"


@pytest.mark.parametrize("path", ["/identify", "/ingest", "/scans"])
def test_nothing_and_unknown_encoders_are_refused_at_once(served, path):
    nothing = served.post(path)
    unnamed = served.post(path, content=b"x", params={"encoder": ""})
    unknown = served.post(path, content=b"x", params={"encoder": "nobody"})

    assert [answer.status_code for answer in (nothing, unnamed, unknown)] == [422, 422, 404]
    assert nothing.json()["detail"] == "the recording is empty"


@pytest.mark.parametrize("body", [{"title": ""}, {"title": 7}, {"source": "/etc/passwd"}, {"tags": []}, [], 7])
def test_change_that_cannot_be_made_is_refused(served, body):
    answer = served.client.patch("/api/v1/songs/1", json=body)

    assert answer.status_code == 422
    check(answer, "/songs/{song_id}")


def test_parts_of_a_songs_file_are_sent(served, music):
    [amber] = served.get("/songs", params={"q": "Amber"}).json()["songs"]
    whole = served.get(f"/songs/{amber['song_id']}/audio")
    part = served.get(f"/songs/{amber['song_id']}/audio", headers={"Range": "bytes=44-143"})

    assert whole.content == music["Amber"].read_bytes()
    assert whole.headers["content-type"].startswith("audio/")
    assert (part.status_code, part.content) == (206, whole.content[44:144])


def test_song_whose_file_has_changed_is_not_sent(served):
    with served.catalogue.connection() as connection:
        connection.execute("UPDATE songradar.songs SET size_bytes = size_bytes - 1")

    assert check(served.get("/songs/1/audio"), "/songs/{song_id}/audio")["status"] == 404


def test_upload_becomes_a_song_and_goes_with_it(served, rng, tmp_path):
    song = synth.write_wav(tmp_path / "song.wav", synth.melody(rng, 6.0))
    file = {"file": ("The Trees - Dogwood.wav", song.read_bytes())}
    added, summary = check(served.post("/ingest", files=file, params={"collection": "new"}), "/ingest")
    again, _ = check(served.post("/ingest", files=file), "/ingest")
    listed = served.get("/songs", params={"q": "Dogwood"}).json()["songs"][0]
    kept = list((tmp_path / "uploads").rglob("*.wav"))
    served.client.delete(f"/api/v1/songs/{listed['song_id']}")

    assert (added["outcome"], summary["summary"]["added"], again["outcome"]) == ("added", 1, "already there")
    assert (listed["title"], listed["artist"], listed["collection"]) == ("Dogwood", "The Trees", "new")
    assert [file.name for file in kept] == ["The Trees - Dogwood.wav"]
    assert not list((tmp_path / "uploads").rglob("*.wav"))


def test_upload_that_is_no_song_is_not_kept(served, tmp_path):
    answer = served.post("/ingest", files={"file": ("a.mp3", b"nothing" * 99)})

    assert answer.status_code == 422
    assert check(answer, "/ingest")["detail"] == "a.mp3: is not audio that can be decoded"
    assert not [file for file in (tmp_path / "uploads").rglob("*") if file.is_file()]


def test_path_is_ingested_where_the_operator_allows_it(served, rng, tmp_path):
    folder = tmp_path / "allowed"
    synth.write_wav(folder / "new.wav", synth.melody(rng, 6.0))
    synth.write_wav(tmp_path / "outside.wav", synth.melody(rng, 6.0))
    (folder / "link.wav").symlink_to(tmp_path / "outside.wav")
    *outcomes, _ = check(served.post("/ingest", json={"path": str(folder / "new.wav")}), "/ingest")
    refused = [
        served.post("/ingest", json={"path": path})
        for path in ("/etc", str(tmp_path / "outside.wav"), f"{folder}/../outside.wav", f"{folder}/link.wav")
    ]

    assert [outcome["outcome"] for outcome in outcomes] == ["added"]
    assert [answer.status_code for answer in refused] == [403] * 4


def test_scan_is_told_as_it_goes_kept_and_reported(served, music, tmp_path):
    wave = np.concatenate([read_audio(music[title], synth.RATE_HZ) for title in ("Cedar", "Amber")])
    mix = synth.write_wav(tmp_path / "mix.wav", wave)
    parameters = {"began": "2026-11-24T20:00:00Z", "keep_recording": "true"}
    lines = check(served.post("/scans", files={"file": ("mix.wav", mix.read_bytes())}, params=parameters), "/scans")
    scan_id = lines[0]["scan_id"]
    scan = check(served.get(f"/scans/{scan_id}"), "/scans/{scan_id}")
    plays = check(served.get(f"/scans/{scan_id}/plays"), "/scans/{scan_id}/plays")["plays"]
    during = {"from": "2026-11-24T20:00:14Z", "to": "2026-11-24T20:00:16Z"}
    then = check(served.get("/plays", params=during), "/plays")["plays"]
    served.client.delete(f"/api/v1/songs/{plays[0]['song_id']}")
    report = served.get(f"/scans/{scan_id}/report", params={"format": "cue"})
    tracklist = served.get(f"/scans/{scan_id}/report", params={"format": "tracklist"})
    sound = served.get(f"/scans/{scan_id}/audio")

    assert [line["title"] for line in lines if line.get("title")] == ["Cedar", "Amber"]
    assert scan["plays"] == 2
    assert [play["title"] for play in plays if play["title"]] == ["Cedar", "Amber"]
    assert [play["title"] for play in then] == ["Amber"]
    assert 'FILE "mix.wav" WAVE' in report.text
    assert all("Cedar" in told.text for told in (report, tracklist))
    assert sound.content == mix.read_bytes()
    assert served.client.delete(f"/api/v1/scans/{scan_id}").status_code == 204
    assert not list((tmp_path / "uploads").rglob("*.wav"))


def test_server_tells_what_it_is_and_counts(served, clip):
    served.post("/identify", files={"file": ("clip.wav", clip.read_bytes())})
    metrics = served.get("/metrics")

    assert check(served.get("/health"), "/health")["status"] == "ok"
    assert check(served.get("/status"), "/status")["songs"] == 3
    assert check(served.get("/encoders"), "/encoders")["encoders"][0]["name"] == "toy"
    assert 'songradar_searches_total{outcome="matched"} 1.0' in metrics.text
    assert 'songradar_requests_total{method="POST",path="/identify",status="200"} 1.0' in metrics.text
    assert 'songradar_catalogue{what="songs"} 3.0' in metrics.text


def test_announcements_are_passed_on(served, clip):
    enough = threading.Event()

    def edit() -> None:
        for number in count():
            served.client.patch("/api/v1/songs/2", json={"tags": {"upc": str(number)}})
            if enough.wait(0.2):
                return

    with served.client.stream("GET", "/api/v1/events", timeout=30) as stream:
        lines = stream.iter_lines()
        editor = threading.Thread(target=edit)
        editor.start()  # again and again, since the server may not listen to the database yet
        song = [next(line for line in lines if line.startswith(start)) for start in ("event", "data")]
        enough.set()
        editor.join()
        served.post("/identify", files={"file": ("clip.wav", clip.read_bytes())})
        search = [next(line for line in lines if line == "event: search"), next(lines)]

    assert song == ["event: song", 'data: {"song_id": 2, "change": "changed"}']
    assert search[1].startswith('data: {"search_id": ')


def test_copy_of_a_song_is_told_and_left_out_if_wanted(served, rng, tmp_path):
    melody = synth.melody(rng, 40.0)
    song, lower = (synth.write_wav(tmp_path / f"{gain}.wav", gain * melody).read_bytes() for gain in (1.0, 0.3))
    served.post("/ingest", content=song, params={"name": "song.wav"})
    left_out = check(served.post("/ingest", content=lower, params={"skip_duplicates": "true"}), "/ingest")[0]
    added = check(served.post("/ingest", content=lower, params={"name": "lower.wav"}), "/ingest")[0]
    [pair] = check(served.get("/duplicates"), "/duplicates")
    kept = sorted(file.name for file in (tmp_path / "uploads").rglob("*.wav"))

    assert (left_out["outcome"], left_out["twins"][0]["title"]) == ("duplicate", "song")
    assert (added["outcome"], added["twins"][0]["title"]) == ("added", "song")
    assert (pair["title"], pair["other_title"], pair["relation"]) == ("song", "lower", "same")
    assert kept == ["lower.wav", "song.wav"]
