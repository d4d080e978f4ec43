"""The songs: found, added, edited, removed."""

from songradar.cli.bundled import bundled_songs
from songradar.ml.audio import read_audio
from tests import synth
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


def test_dropping_is_offered_where_a_pointer_is_fine(visit):
    assert visit("#catalogue").get_by_text("or drop files here").is_visible()
    phone = visit("#catalogue", size=PHONE, has_touch=True, is_mobile=True)
    assert phone.get_by_text("Add songs").is_visible()
    assert phone.get_by_text("or drop files here").is_hidden()


def test_search_field_holds_its_words_on_a_narrow_phone(visit):
    page = visit("#catalogue", size={"width": 320, "height": 640}, locale="de-DE")
    page.get_by_text("7 Lieder").wait_for()

    assert page.evaluate(
        """() => {
            const field = document.querySelector("input[type=search]");
            const style = getComputedStyle(field);
            const canvas = document.createElement("canvas").getContext("2d");
            canvas.font = `${style.fontSize} ${style.fontFamily}`;
            const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
            return canvas.measureText(field.placeholder).width <= room;
        }"""
    )


def test_search_without_songs_says_so(visit):
    page = visit("#catalogue")
    page.get_by_label("Search songs").fill("zz top")

    page.get_by_text("No song fits this search.").wait_for()


def test_song_is_added_edited_found_and_removed(visit, sounds):
    page = visit("#catalogue", size=PHONE)
    page.set_input_files("input[type=file]", sounds.new_song)
    page.locator(".uploads .tag", has_text="added").wait_for()
    page.get_by_text("8 songs").wait_for()

    page.get_by_role("link", name="Oak").click()
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
    page.get_by_role("link", name="Oak").click()
    assert page.get_by_label("ISRC").input_value() == "USUAN1100377"

    page.get_by_role("button", name="Remove from the catalogue…").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("No song fits this search.").wait_for()


def test_song_that_is_there_already_is_not_added_twice(visit, demo):
    page = visit("#catalogue")
    with bundled_songs() as folder:
        page.set_input_files("input[type=file]", [folder / "kevin_macleod_vibe_ace.m4a", folder / "CREDITS.md"])
        page.locator(".uploads .tag", has_text="already there").wait_for()
        page.locator(".uploads .tag", has_text="failed").wait_for()

    assert page.get_by_text("7 songs").is_visible()
    visit.wrong.clear()  # the file that is no song was refused


def test_song_is_heard(visit):
    page = visit("#catalogue")
    page.get_by_role("link", name="Vibe Ace").click()
    page.wait_for_selector("dialog audio")
    page.evaluate("document.querySelector('dialog audio').play()")

    until(page, "document.querySelector('dialog audio').currentTime > 0.1")


def test_back_closes_a_song_and_leaves_the_list_as_it_was(visit):
    page = visit("#catalogue", size=PHONE)
    page.get_by_label("Search songs").fill("macleod")
    page.get_by_text("2 songs").wait_for()
    page.get_by_role("link", name="Vibe Ace").click()
    page.get_by_role("dialog").wait_for()
    opened = page.url
    page.go_back()
    page.get_by_role("dialog").wait_for(state="detached")

    assert len(titles(page)) == 2
    assert page.url.endswith("#catalogue")
    page.go_forward()
    page.get_by_role("dialog").wait_for()
    assert page.url == opened


def test_song_has_an_address_that_is_left_when_it_is_closed(visit):
    page = visit("#insight")
    page.get_by_role("link", name="Catalogue").click()
    page.get_by_role("link", name="Vibe Ace").click()
    page.get_by_role("dialog").wait_for()
    page.reload()
    page.get_by_role("dialog").get_by_text("Vibe Ace", exact=True).wait_for()
    page.get_by_role("button", name="Close").click()
    until(page, "location.hash === '#catalogue'")
    page.go_back()

    page.locator("h1", has_text="Insight").wait_for()


def test_address_of_a_song_that_is_gone_shows_the_list(visit):
    page = visit("#catalogue/999999")
    page.locator("#notice p").wait_for()

    until(page, "location.hash === '#catalogue'")
    visit.wrong.clear()  # Chromium notes every refusal


def test_song_that_is_there_twice_is_shown_with_its_twin(visit, tmp_path):
    with bundled_songs() as folder:
        song = read_audio(folder / "kevin_macleod_vibe_ace.m4a", synth.RATE_HZ)
    piece = synth.write_wav(tmp_path / "Nobody - A piece.wav", synth.cut(song, 4.0, 22.0))
    page = visit("#catalogue")
    page.set_input_files("input[type=file]", piece)
    page.get_by_text("the same recording as Vibe Ace by Kevin MacLeod").wait_for()
    page.get_by_text("Duplicates", exact=True).click()
    page.get_by_text("1 pair", exact=True).wait_for()

    pair = page.locator(".pairs li")
    assert pair.locator("h2").all_inner_texts() == ["Vibe Ace by Kevin MacLeod", "A piece by Nobody"]
    assert pair.get_by_text("The second lies inside the first").is_visible()
    places = [text.removeprefix("In the song, at 0:0") for text in pair.locator("figcaption").all_inner_texts()]
    assert int(places[0]) - int(places[1]) in (3, 4, 5)

    pair.get_by_role("link", name="A piece by Nobody").click()
    page.get_by_label("Artist").fill("Somebody")
    page.get_by_role("button", name="Save").click()
    pair.get_by_role("link", name="A piece by Somebody").click()
    page.get_by_role("button", name="Remove from the catalogue…").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    pair.wait_for(state="detached")
    page.get_by_text("No song is there twice.").wait_for()
    assert page.url.endswith("#catalogue/duplicates")
