"""What the page draws: covers, and numbers about searches."""

import shutil
from pathlib import Path

import pytest
from mutagen.id3 import APIC
from mutagen.wave import WAVE

from songradar import Catalogue
from songradar.ingest import ingest
from tests.web.conftest import serving
from tests.web.document import check

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


@pytest.fixture
def covered(music, tmp_path) -> Path:
    """A copy of a song, with a cover in its tags."""
    copy = Path(shutil.copy(music["Amber"], tmp_path))
    file = WAVE(copy)
    file.add_tags()
    file.tags.add(APIC(encoding=3, mime="image/png", type=3, desc="front", data=PNG))
    file.save()
    return copy


@pytest.fixture
def pictured(database, covered, options):
    """A server with one song that has a cover."""
    with Catalogue.open(database) as catalogue:
        list(ingest(catalogue, covered))
        with serving(catalogue, options) as served:
            yield served


def test_cover_of_a_song_is_sent(pictured, covered):
    found = pictured.get("/songs/1/cover")
    assert (found.status_code, found.headers["content-type"], found.content) == (200, "image/png", PNG)

    covered.unlink()
    assert pictured.get("/songs/1/cover").status_code == 204
    assert check(pictured.get("/songs/9/cover"), "/songs/{song_id}/cover")["status"] == 404


@pytest.mark.parametrize("span", ["day", "week", "month", "year"])
def test_numbers_are_as_the_document_says(span, served, clip):
    served.post("/identify", files={"file": ("clip.wav", clip.read_bytes())})
    found = check(served.get("/insight", params={"span": span, "zone": "Asia/Shanghai"}), "/insight")

    assert (found["searches"], found["matched"]) == (1, 1)
    assert found["most_found"][0]["title"] == "Birch"


@pytest.mark.parametrize("wrong", [{"zone": "Mars"}, {"span": "decade"}])
def test_unknown_span_and_zone_are_refused(wrong, served):
    answer = check(served.get("/insight", params=wrong), "/insight")

    assert answer["status"] == 422
    assert next(iter(wrong)) in answer["detail"]


def test_page_is_checked_for_changes_and_named_for_what_it_is(served):
    for path, media_type in (
        ("/", "text/html; charset=utf-8"),
        ("/js/main.js", "text/javascript; charset=utf-8"),
        ("/texts/de.json", "application/json"),
        ("/manifest.webmanifest", "application/manifest+json"),
    ):
        found = served.client.get(path)
        again = served.client.get(path, headers={"If-None-Match": found.headers["etag"]})

        assert (found.headers["content-type"], found.headers["cache-control"]) == (media_type, "no-cache")
        assert again.status_code == 304
