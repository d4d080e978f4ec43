"""Pictures of what was asked."""

from tests.page.conftest import until


def test_searches_are_counted_and_drawn(visit, sounds):
    listen = visit()
    for sound in (sounds.piece, sounds.noise):
        listen.set_input_files("input[type=file]", sound)
        listen.wait_for_selector("article.found" if sound == sounds.piece else "article.none")
    page = visit("#insight")
    page.wait_for_selector(".figures")
    figures = dict(zip(page.locator("dt").all_inner_texts(), page.locator("dd").all_inner_texts(), strict=True))

    assert int(figures["Searches"]) >= 2
    assert figures["Hit rate"].endswith("%")
    times = page.evaluate("import('./js/insight.js').then(({milliseconds}) => [389, 1634].map(milliseconds))")
    assert times == ["389\u00a0ms", "1.63\u00a0s"]
    assert page.locator(".chart .yes").count() >= 2
    assert page.get_by_role("link", name="Vibe Ace by Kevin MacLeod").first.is_visible()
    page.get_by_text("Day", exact=True).click()
    until(page, "document.querySelector('.chart').textContent.includes(':')")
