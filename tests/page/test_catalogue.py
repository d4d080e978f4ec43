"""The songs: found, added, edited, removed."""

from tests.page.conftest import PHONE, until


def titles(page) -> list[str]:
    return page.locator("tbody th").all_inner_texts()


def test_songs_are_searched_and_sorted(visit):
    page = visit("#catalogue")
    page.get_by_text("7 songs").wait_for()
    page.get_by_label("Order").select_option("title")
    until(page, "document.querySelector('tbody th').textContent.startsWith('First Snow')")
    page.get_by_label("Search songs").fill("macleod")
    page.get_by_text("2 songs").wait_for()

    assert len(titles(page)) == 2
    assert titles(page)[1] == "Vibe Ace"


def test_search_without_songs_says_so(visit):
    page = visit("#catalogue")
    page.get_by_label("Search songs").fill("zz top")

    page.get_by_text("No song fits this search.").wait_for()


def test_song_is_added_edited_found_and_removed(visit, sounds):
    page = visit("#catalogue", size=PHONE)
    page.set_input_files("input[type=file]", sounds.new_song)
    page.locator(".uploads .tag", has_text="added").wait_for()
    page.get_by_text("8 songs").wait_for()

    page.get_by_role("button", name="Oak").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Album").fill("Woods")
    dialog.get_by_label("ISRC").fill("no such thing")
    dialog.get_by_role("button", name="Save").click()
    assert "is no ISRC" in dialog.get_by_role("alert").inner_text()
    visit.wrong.clear()  # Chromium notes every refusal
    dialog.get_by_label("ISRC").fill("US-UAN-11-00377")
    dialog.get_by_role("button", name="Save").click()
    dialog.wait_for(state="detached")

    page.get_by_label("Search songs").fill("woods")
    page.get_by_text("1 song", exact=True).wait_for()
    page.get_by_role("button", name="Oak").click()
    assert page.get_by_label("ISRC").input_value() == "USUAN1100377"

    page.get_by_role("button", name="Remove from the catalogue…").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("No song fits this search.").wait_for()


def test_song_that_is_there_already_is_not_added_twice(visit, demo):
    from songradar.cli.bundled import bundled_songs

    page = visit("#catalogue")
    with bundled_songs() as folder:
        page.set_input_files("input[type=file]", [folder / "kevin_macleod_vibe_ace.m4a", folder / "CREDITS.md"])
        page.locator(".uploads .tag", has_text="already there").wait_for()
        page.locator(".uploads .tag", has_text="failed").wait_for()

    assert page.get_by_text("7 songs").is_visible()
    visit.wrong.clear()  # the file that is no song was refused


def test_song_is_heard(visit):
    page = visit("#catalogue")
    page.get_by_role("button", name="Vibe Ace").click()
    page.wait_for_selector("dialog audio")
    page.evaluate("document.querySelector('dialog audio').play()")

    until(page, "document.querySelector('dialog audio').currentTime > 0.1")
