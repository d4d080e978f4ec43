"""How places in a song, shares and names are written; and text from files, so that it does no harm."""

import unicodedata

UNSAFE = ("Cc", "Cs", "Zl", "Zp")
"""Categories of Unicode: control characters, halves of characters, separators of lines and paragraphs."""

BIDIRECTIONAL = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that change the direction in which others are written."""


def clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock(83.4), clock(3725), clock(-1.2)
    ('1:23', '1:02:05', '-0:01')
    """
    sign, total = "-" if round(seconds) < 0 else "", abs(round(seconds))
    minutes, rest = divmod(total, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes}:{rest:02}"


def percent(share: float) -> str:
    """A share as a person reads it; never 100 % of what is not certain.

    >>> percent(0.5), percent(0.9999), percent(1.0)
    ('50 %', '99.9 %', '100 %')
    """
    if share not in (0, 1) and (share > 0.99 or share < 0.01):
        return f"{min(max(share * 100, 0.1), 99.9):.1f} %"
    return f"{share * 100:.0f} %"


def shown(text: str) -> str:
    """Text from files, safe for a terminal: characters that control it or change the direction of writing are escaped.

    >>> shown("Caf\u00e9 \x1b[2J")
    'Caf\u00e9 \\\\x1b[2J'
    """
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in UNSAFE or c in BIDIRECTIONAL else c for c in text)


def named(title: str, artist: str | None) -> str:
    """`Title by Artist`, or the title alone."""
    return shown(f"{title} by {artist}" if artist else title)


def cut(text: str, width: int) -> str:
    """At most `width` characters.

    >>> cut("Let's Go Fishin'", 8)
    "Let's G…"
    """
    return text if len(text) <= width else text[: width - 1] + "…"
