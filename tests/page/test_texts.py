"""The page's words, without a browser."""

import json
import re
from importlib.resources import files
from string import Formatter

import pytest

PAGE = files("songradar.web").joinpath("page")
LANGUAGES = ("en", "de", "zh")
TEXTS = {language: json.loads(PAGE.joinpath("texts", f"{language}.json").read_text("utf-8")) for language in LANGUAGES}
SOURCES = [PAGE.joinpath("index.html"), *(file for file in PAGE.joinpath("js").iterdir() if file.name.endswith(".js"))]
CODE = "\n".join(file.read_text("utf-8") for file in SOURCES)


def test_every_language_has_a_file():
    assert {file.name for file in PAGE.joinpath("texts").iterdir()} == {f"{language}.json" for language in LANGUAGES}
    assert set(re.findall(r"(\w\w): \"", re.search(r"LANGUAGES = \{.*\}", CODE)[0])) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_say_the_same_things(language):
    texts, english = TEXTS[language], TEXTS["en"]

    assert list(texts) == list(english)
    for key, text in texts.items():
        assert text.strip()
        unlike = {"n"} if key.endswith((".one", ".other")) else set()  # "once" says the number in words
        assert names(text) - unlike == names(english[key]) - unlike, key


def names(text: str) -> set[str]:
    """What a text leaves to be filled in."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_text_that_is_used_exists():
    used = set(re.findall(r"""\bt\("([\w.]+)"|data-(?:text|label)="([\w.]+)\"""", CODE))
    missing = {key for pair in used for key in pair if key} - set(TEXTS["en"])

    assert {key for key in missing if f"{key}.other" not in TEXTS["en"]} == set()


def test_every_text_is_used():
    beginnings = tuple(re.findall(r"\bt\(`([\w.]+)\$\{", CODE))
    known = [key.removesuffix(".one").removesuffix(".other") for key in TEXTS["en"]]

    assert [key for key in known if f'"{key}"' not in CODE and not key.startswith(beginnings)] == []


def test_nothing_is_fetched_from_elsewhere_and_nothing_stands_inline():
    """The Content-Security-Policy would stop it; here it is seen before a browser is at hand."""
    html = PAGE.joinpath("index.html").read_text("utf-8")

    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)
    assert not re.search(r"\sstyle=|<style|\son\w+=", html)
    assert not re.search(r"""["'`]https?://(?!www\.w3\.org/2000/svg)""", CODE)
    assert "innerHTML" not in CODE
