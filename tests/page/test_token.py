"""A server that asks for a token."""

from pathlib import Path

import pytest

from songradar import Catalogue
from songradar.ingest import ingest
from songradar.web.options import WebOptions
from songradar.web.tokens import Tokens, add_token
from tests.web.conftest import serving


@pytest.fixture
def token_file(tmp_path) -> Path:
    return tmp_path / "tokens"


@pytest.fixture
def enter(browser, database, music, token_file):
    """Enter the page of three songs with a token of a scope: `enter("read")`."""
    with Catalogue.open(database) as catalogue:
        list(ingest(catalogue, music.values()))
        tokens = {scope: add_token(token_file, scope) for scope in ("read", "write")}
        with serving(catalogue, WebOptions(tokens=Tokens(token_file))) as served:
            context = browser.new_context(locale="en-GB")

            def enter(scope: str, view: str = "#catalogue"):
                page = context.new_page()
                page.goto(f"{served.url}/{view}")
                page.get_by_label("Token", exact=True).fill(tokens.get(scope, scope))
                page.get_by_role("button", name="Enter").click()
                return page

            yield enter
            context.close()


def test_page_asks_for_the_token_once(enter):
    page = enter("write")
    page.get_by_text("3 songs").wait_for()
    page.reload()
    page.get_by_text("3 songs").wait_for()

    assert page.get_by_label("Token", exact=True).count() == 0
    assert page.evaluate("document.cookie") == ""  # scripts cannot read it


def test_wrong_token_is_told_and_asked_for_again(enter):
    page = enter("no such token")

    page.get_by_text("The server does not know this token.").wait_for()
    assert page.locator("tbody tr").count() == 0


def test_who_may_only_read_is_told_so_when_changing(enter):
    page = enter("read")
    page.get_by_role("link", name="Birch").click()
    page.get_by_label("Title").fill("Beech")
    page.get_by_role("button", name="Save").click()

    page.get_by_role("alert").filter(has_text="You may not do that here.").wait_for()
    assert page.get_by_role("dialog").is_visible()
    assert page.get_by_role("button", name="Remove from the catalogue…").is_hidden()


def test_who_may_write_is_offered_removal(enter):
    page = enter("write")
    page.get_by_role("link", name="Birch").click()

    page.get_by_role("button", name="Remove from the catalogue…").wait_for()


def test_listening_waits_for_the_token_as_well(enter):
    page = enter("read", "#listen")

    page.get_by_role("button", name="Listen", exact=True).wait_for()
    page.locator("dialog").wait_for(state="detached")
