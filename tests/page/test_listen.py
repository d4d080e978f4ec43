"""The page hears, and tells what it heard."""

import re

import numpy as np
import pytest

from songradar.ml.audio import write_wav
from tests.page.conftest import PHONE, until

SONG = "Let's Go Fishin'"


def seconds(text: str) -> int:
    """Of "0:12 of 0:30", the first."""
    minutes, rest = re.search(r"(\d+):(\d+)", text).groups()
    return 60 * int(minutes) + int(rest)


@pytest.fixture
def found(visit):
    """A page on a phone that has named the song that it hears."""
    page = visit(size=PHONE)
    page.get_by_role("button", name="Listen").click()
    page.wait_for_selector("article.found")
    return page


def test_page_hears_a_noisy_piece_and_shows_its_song(found):
    card = found.locator("article.found")

    assert card.locator(".title").inner_text() == SONG
    assert card.locator(".artist").inner_text() == "Karissa Hobbs"
    assert card.get_by_text(re.compile(r"\d+(\.\d)?% sure")).is_visible()


def test_clock_runs_with_the_music(found):
    place = found.locator(".place")
    until(found, "document.querySelector('.place').textContent.includes(' of 0:30')")
    before = seconds(place.inner_text())
    found.wait_for_timeout(3000)

    assert before + 2 <= seconds(place.inner_text()) <= before + 4


def test_button_stops_and_the_answer_stays(found):
    stop = found.get_by_role("button", name="Listening… Stop")
    stop.click()

    assert found.get_by_role("button", name="Listen", exact=True).is_visible()
    assert found.locator(".spectrogram").is_hidden()
    assert found.locator("article.found").is_visible()


def test_history_stays_on_the_device_until_it_is_cleared(found):
    found.reload()
    found.get_by_role("link", name=f"{SONG} by Karissa Hobbs").wait_for()
    found.get_by_role("button", name="Clear").click()
    found.reload()
    found.wait_for_selector(".listening")

    assert found.locator(".history").is_hidden()


def test_page_without_permission_says_so_and_offers_a_way(visit):
    page = visit(microphone=False)
    page.get_by_role("button", name="Listen").click()
    page.wait_for_selector("[data-state=error]")

    assert "may not use the microphone" in page.get_by_role("status").first.inner_text()
    assert page.get_by_role("button", name="Listen").is_enabled()
    assert page.get_by_text("Choose a recording", exact=True).is_visible()


def test_microphone_that_is_switched_off_is_suspected(visit):
    page = visit()
    page.evaluate(
        """() => {
            const silence = new AudioContext().createMediaStreamDestination().stream;
            navigator.mediaDevices.getUserMedia = async () => silence;
        }"""
    )
    page.get_by_role("button", name="Listen").click()

    page.get_by_text("Nothing comes from the microphone. Is it switched off?").wait_for()


def test_file_is_named(visit, sounds):
    page = visit()
    page.set_input_files("input[type=file]", sounds.piece)

    assert page.locator("article.found .title").inner_text() == "Vibe Ace"
    assert seconds(page.locator(".place").inner_text()) in (9, 10)


def test_file_is_named_that_is_dropped_anywhere_on_the_page(visit, sounds):
    page = visit()
    handle = page.evaluate_handle(
        """async (samples) => {
            const data = new DataTransfer();
            data.items.add(new File([Uint8Array.from(samples)], "piece.wav"));
            return data;
        }""",
        list(sounds.piece.read_bytes()),
    )
    page.dispatch_event("header", "drop", {"dataTransfer": handle})

    assert page.locator("article.found .title").inner_text() == "Vibe Ace"


def test_noise_is_plainly_no_match(visit, sounds):
    page = visit()
    page.set_input_files("input[type=file]", sounds.noise)

    assert page.locator("article.none .title").inner_text() == "No match"
    assert page.locator("article.found").count() == 0


def test_only_what_came_near_is_told_as_nearest(visit):
    page = visit()
    texts = page.evaluate(
        """async () => {
            const {noneCard} = await import("./js/answer.js");
            const match = (title, confidence) => ({title, confidence, offset_s: 1});
            const far = match("Elm", 0.004);
            return [[match("Oak", 0.2), far], [far]].map((matches) => noneCard(matches).textContent);
        }"""
    )

    assert ["Nearest came" in text for text in texts] == [True, False]
    assert "Oak" in texts[0]
    assert "Elm" not in "".join(texts)


def test_what_is_no_recording_is_told_in_a_sentence(visit, tmp_path):
    page = visit()
    page_of_text = tmp_path / "song.mp3"
    page_of_text.write_text("<html>not a song</html>" * 100)
    page.set_input_files("input[type=file]", page_of_text)
    page.wait_for_selector("[data-state=error]")

    said = page.get_by_role("status").first.inner_text()
    assert said.startswith("This is no recording that can be heard. Choose another file.")
    assert "the recording" in page.locator(".said").inner_text()
    assert [text for text in visit.wrong if "422" not in text] == []
    visit.wrong.clear()  # Chromium notes every refusal


def test_recording_that_is_too_long_is_scanned_instead(visit, tmp_path):
    page = visit(locale="de-DE")
    show = tmp_path / "show.wav"
    write_wav(np.zeros(8_000 * 605, np.float32), 8_000, show)
    page.set_input_files("input[type=file]", show)
    page.get_by_text("Die Aufnahme ist zu lang").wait_for()
    assert "longer than" in page.locator(".said").inner_text()

    page.get_by_role("button", name="Stattdessen durchhören").click()
    page.locator("h1", has_text="show.wav").wait_for()
    assert page.locator(".plays-table").is_visible()
    visit.wrong.clear()  # Chromium notes every refusal


def test_broken_connection_is_told(visit):
    page = visit()
    page.route_web_socket("**/api/v1/live", lambda socket: socket.close(code=1011))
    page.get_by_role("button", name="Listen").click()
    page.wait_for_selector("[data-state=error], [data-state=idle]")

    assert page.get_by_role("button", name="Listen", exact=True).is_visible()
