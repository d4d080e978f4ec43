"""Timelines and days."""

import re
from itertools import pairwise

import pytest

from songradar.reports.formats import FORMATS
from tests.page.conftest import PHONE, until

NAMED = 7
"""Songs in the demo's mix."""


@pytest.fixture
def timeline(visit):
    page = visit("#plays")
    page.get_by_role("link", name="radio.wav").click()
    page.wait_for_selector("svg.timeline .play")
    return page


def test_timeline_shows_each_playing_once(timeline):
    assert timeline.locator("svg.timeline .play:not(.unknown)").count() == NAMED
    assert timeline.locator("svg.timeline .play.unknown").count() == 1
    assert timeline.locator(".plays-table tbody tr").count() == NAMED + 1


def test_labels_stay_inside_their_blocks_and_numbers_are_as_the_reader_writes_them(visit):
    page = visit("#plays/1", locale="de-DE")
    page.wait_for_selector("svg.timeline .play")
    outside = page.evaluate(
        """() => [...document.querySelectorAll("svg.timeline text")].filter((text) => {
            const around = text.closest(".play")?.querySelector("rect") ?? text.closest("svg.timeline");
            return text.getBoundingClientRect().right > around.getBoundingClientRect().right;
        }).map((text) => text.textContent)"""
    )

    assert outside == []
    assert re.search(r"[+-]\d,\d\s%", page.locator(".plays-table").inner_text())


def test_songs_beside_each_other_differ_in_colour(timeline):
    hues = timeline.evaluate(
        """async () => {
            const {huesOf} = await import("./js/hues.js");
            const songs = [8, 16, null, 24, 8, 3, 11, 19, 16, 27, 8, 35, 43];
            const plays = songs.map((song_id) => ({song_id, title: song_id && `Song ${song_id}`}));
            const hueOf = huesOf(plays);
            return plays.filter((play) => play.title).map(hueOf);
        }"""
    )

    apart = [min(abs(a - b), 360 - abs(a - b)) for a, b in pairwise(hues)]
    assert min(apart) >= 80
    assert len({hues[0], hues[3], hues[9]}) == 1  # all of them song 8


def test_hardly_overlapping_playings_share_a_lane(timeline):
    lanes = timeline.evaluate(
        """async () => {
            const {lanesOf} = await import("./js/timeline.js");
            const spans = [[0, 10], [9.6, 20], [19.983, 30], [29, 40], [31, 35]];
            return lanesOf(spans.map(([start_s, end_s]) => ({start_s, end_s})));
        }"""
    )

    assert lanes == [0, 0, 0, 1, 0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_in_blocks_stand_out_from_every_colour(scheme, visit):
    """WCAG wants 4.5:1 of small letters."""
    page = visit("#plays/1", color_scheme=scheme)
    page.wait_for_selector("svg.timeline .play")
    ratios = page.evaluate(
        """() => {
            const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
            const luminance = (colour) => {
                canvas.fillStyle = colour;
                canvas.fillRect(0, 0, 1, 1);
                const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => value / 255)
                    .map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const block = document.querySelector("svg.timeline .play:not(.unknown)");
            const text = luminance(getComputedStyle(block.querySelector("text")).fill);
            return Array.from({length: 36}, (_, i) => {
                block.style.setProperty("--hue", 10 * i);
                const ground = luminance(getComputedStyle(block.querySelector("rect")).fill);
                return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
            });
        }"""
    )

    assert min(ratios) > 4.5


def test_place_is_heard_in_both_side_by_side(timeline):
    song = timeline.get_by_role("button", name=re.compile(r"First Snow by HoliznaCC0, \d"))
    song.click(position={"x": song.bounding_box()["width"] / 2, "y": 10})
    captions = timeline.locator("figcaption").all_inner_texts()
    recording, song = timeline.locator("figure audio").all()

    assert captions[0].startswith("In the recording, at 0:4")
    assert captions[1].startswith("In the song, at 0:1")
    assert "scans/1/audio#t=4" in recording.get_attribute("src")
    assert "/audio#t=1" in song.get_attribute("src")
    timeline.evaluate("document.querySelectorAll('figure audio')[1].play()")
    until(timeline, "document.querySelectorAll('figure audio')[1].currentTime > 14")


def test_timeline_is_zoomed_and_moved_by_keys_and_buttons(timeline):
    span = timeline.locator(".timeline-card p").first
    assert span.inner_text() == "0:00 to 3:15"

    timeline.get_by_role("button", name="Zoom in").click()
    assert span.inner_text() == "0:48 to 2:26"
    timeline.locator("svg.timeline .play").first.focus()
    timeline.keyboard.press("ArrowLeft")
    assert span.inner_text() == "0:24 to 2:01"
    timeline.keyboard.press("0")
    assert span.inner_text() == "0:00 to 3:15"


def test_playing_is_chosen_by_the_keyboard(timeline):
    timeline.get_by_role("button", name=re.compile(r"Vibe Ace by Kevin MacLeod, 2:2\d")).focus()
    timeline.keyboard.press("Enter")

    assert timeline.locator(".heard .title").inner_text() == "Vibe Ace"
    assert timeline.locator("figcaption").all_inner_texts()[1] in ("In the song, at 0:07", "In the song, at 0:08")


def in_sight(page, selector: str) -> bool:
    """Whether all of it can be seen, between the tabs of a phone and the top."""
    return page.evaluate(
        """(selector) => {
            const box = document.querySelector(selector).getBoundingClientRect();
            const tabs = document.querySelector(".tabs").getBoundingClientRect();
            return box.top >= 0 && box.bottom <= tabs.top;
        }""",
        selector,
    )


def test_line_below_the_heads_of_the_table_is_straight(timeline):
    below = timeline.evaluate(
        "[...document.querySelectorAll('.plays-table thead th')].map((th) => th.getBoundingClientRect().bottom)"
    )

    assert len(set(below)) == 1


def test_place_that_is_chosen_on_a_phone_comes_into_view(visit):
    page = visit("#plays/1", size={"width": 390, "height": 664}, reduced_motion="reduce")
    page.wait_for_selector("svg.timeline .play")
    row = page.locator(".plays-table").get_by_role("button").last
    row.scroll_into_view_if_needed()
    row.click()

    assert in_sight(page, ".heard .card")
    assert page.evaluate("document.activeElement.textContent") == page.locator(".heard .title").inner_text()

    page.evaluate("scrollTo(0, 0)")
    block = page.locator("svg.timeline .play:not(.unknown)").first
    block.focus()
    page.keyboard.press("Enter")
    assert in_sight(page, ".heard .card")
    assert page.evaluate("document.activeElement.classList.contains('play')")


@pytest.mark.parametrize(
    ("name", "begins"), [("CSV", "recording,start_s,"), ("CUE", "REM BEGAN "), ("WebVTT", "WEBVTT")]
)
def test_timeline_is_exported(name, begins, timeline):
    timeline.get_by_text("Export", exact=True).click()
    with timeline.expect_download() as download:
        timeline.get_by_role("link", name=name).click()

    text = download.value.path().read_text("utf-8")
    assert text.startswith(begins)
    assert "Waterworks" in text


def test_every_format_of_reports_is_offered(timeline):
    links = timeline.locator(".menu a").evaluate_all("links => links.map((link) => link.href.split('format=')[1])")
    assert sorted(links) == sorted(FORMATS)

    timeline.get_by_text("Export", exact=True).click()
    assert timeline.locator(".menu a").first.is_visible()
    timeline.locator("h1").click()
    assert timeline.locator(".menu a").first.is_hidden()


def test_recording_that_tells_when_it_began_shows_times_of_day(visit, demo, sounds):
    page = visit("#plays", timezone_id="Asia/Shanghai", size=PHONE)
    page.get_by_label("Began (if known)").fill("2026-03-01T23:59")
    page.set_input_files("input[type=file]", sounds.microphone)
    page.wait_for_selector("svg.timeline .play")

    assert "1 Mar 2026, 23:59" in page.locator(".heading").inner_text()
    assert page.locator("tbody td").first.inner_text().split("\n") == ["0:00", "23:59:00"]
    page.locator("tbody").get_by_role("button").first.click()
    assert "1 Mar 2026, 23:59" in page.locator(".heard").inner_text()


def test_scan_is_removed(visit, sounds):
    page = visit("#plays")
    page.set_input_files("input[type=file]", sounds.piece)
    page.wait_for_selector("svg.timeline .play")
    gone = page.url.partition("#")[2]
    page.get_by_role("button", name="Remove this scan…").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("Removed: piece.wav").wait_for()
    page.get_by_role("link", name="radio.wav").wait_for()

    assert page.locator(f"a[href='#{gone}']").count() == 0


def test_recording_is_scanned_on_the_page_and_stays_on_the_device(visit, demo, sounds):
    page = visit("#plays", size=PHONE)
    page.set_input_files("input[type=file]", sounds.microphone)
    page.wait_for_selector("svg.timeline .play")

    song = page.locator(".plays-table").get_by_role("button", name="Let's Go Fishin' by Karissa Hobbs")
    song.click()
    source = page.locator("figure audio").first.get_attribute("src")
    number = page.url.rpartition("/")[2]

    assert song.count() == 1
    assert source.startswith("blob:")
    assert page.request.get(f"{demo}api/v1/scans/{number}/audio").status == 404


def test_recording_is_kept_on_the_server_if_that_is_asked_for(visit, demo, sounds):
    page = visit("#plays")
    page.get_by_label("Keep the recording on the server for 30 days").check()
    page.set_input_files("input[type=file]", sounds.piece)
    page.wait_for_selector("svg.timeline .play")
    number = page.url.rpartition("/")[2]

    assert page.request.get(f"{demo}api/v1/scans/{number}/audio").body() == sounds.piece.read_bytes()


def test_day_shows_what_was_played_and_saves_it(visit):
    page = visit("#plays/day", timezone_id="Asia/Shanghai")
    page.wait_for_selector("svg.day .play")
    assert page.locator("svg.day .play:not(.unknown)").count() in range(1, NAMED + 1)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()

    assert "Hungarian Dance No. 5" in download.value.path().read_text("utf-8")


def test_song_that_was_removed_is_no_unknown_stretch(visit):
    def without_numbers(route):
        told = route.fetch().json()
        route.fulfill(json=told | {"plays": [play | {"song_id": None} for play in told["plays"]]})

    page = visit("#plays")
    page.route("**/api/v1/scans/1/plays*", without_numbers)
    page.get_by_role("link", name="radio.wav").click()
    page.wait_for_selector("svg.timeline .play")

    assert page.locator("svg.timeline .play:not(.unknown)").count() == NAMED
    assert page.locator(".plays-table tbody button").count() == NAMED
