"""What all views have in common: languages, colours, room, and that everybody can use them."""

import json
from importlib.resources import files

import pytest

from tests.page.conftest import PHONE

TEXTS = files("songradar.web").joinpath("page", "texts")
VIEWS = {
    "listen": ".listening",
    "catalogue": "tbody tr",
    "catalogue/5": "dialog",
    "catalogue/duplicates": ".view .empty, .pairs li",
    "plays": ".scans a",
    "plays/1": "svg.timeline .play",
    "plays/day": "svg.day .play, .empty",
    "insight": ".charts .card, .empty",
}
"""Every view, and what is on it once it shows what it has fetched."""

NARROW = {"width": 320, "height": 640}


@pytest.mark.parametrize("view", VIEWS)
def test_phone_needs_no_scrolling_sideways(view, visit):
    page = visit(f"#{view}", size=NARROW)
    page.wait_for_selector(VIEWS[view])

    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_people_out(scheme, visit):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")
    found = {}
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    root = page.url.partition("#")[0]
    for view, sign in VIEWS.items():
        page.goto(f"{root}#{view}")
        page.wait_for_selector(sign)
        result = axe.Axe().run(page, options={"resultTypes": ["violations"]})
        found[view] = [
            (one["id"], [node["html"][:120] for node in one["nodes"]])
            for one in result.response["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    assert {view: wrong for view, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("language", ["en", "de", "zh"])
def test_page_speaks_the_language_of_the_browser(language, visit):
    texts = json.loads(TEXTS.joinpath(f"{language}.json").read_text("utf-8"))
    page = visit(locale=language, size=PHONE)

    assert page.locator("html").get_attribute("lang") == language
    assert page.get_by_role("button", name=texts["listen.button"], exact=True).is_visible()
    for view in ("listen", "catalogue", "plays", "insight"):
        page.goto(f"{page.url.partition('#')[0]}#{view}")
        page.wait_for_selector("main h1", state="attached")
        assert page.locator("h1").text_content() == texts[f"nav.{view}"]


def test_chosen_language_and_colours_stay(visit):
    page = visit()
    page.get_by_label("Language").select_option("de")
    page.get_by_role("button", name="Zuhören", exact=True).wait_for()
    page.get_by_role("button", name="Farben").click()
    page.get_by_role("button", name="Farben").click()
    page.reload()
    page.get_by_role("button", name="Zuhören", exact=True).wait_for()

    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 19, 23)"


def test_keyboard_reaches_the_button_past_the_tabs(visit):
    page = visit()
    page.wait_for_selector(".listening")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.className") == "listen-button"
