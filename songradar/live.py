"""Name what is heard live: asked several times as more is heard, then followed."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from songradar.catalogue import Catalogue
from songradar.extents import SMOOTHING_S
from songradar.hearing import ASKED_AT_S, Hearing, place
from songradar.identify import Answer, Fragments, Match, SearchOptions, identify_fragments
from songradar.timeline import Playing

FOLLOWED_EVERY_S = 1.0
"""How often it is told where in the song one is."""

LOST_S = 5.0
"""A song is lost after so long without it."""


@dataclass(frozen=True)
class Asked:
    """What the song may be, after `heard_s` seconds; `is_final` says that it is not asked for again."""

    heard_s: float
    answer: Answer
    is_final: bool


@dataclass(frozen=True)
class Now:
    """The song goes on, is at `song_s`, and played at `speed`, which is 1 where nothing better is known."""

    heard_s: float
    song_id: int
    song_s: float
    speed: float


@dataclass(frozen=True)
class Lost:
    """The song is over, or no longer heard."""

    heard_s: float
    song_id: int


LiveEvent: TypeAlias = Asked | Now | Lost


class Live(Hearing):
    """Names one song, and follows it to its end."""

    def __init__(self, catalogue: Catalogue, rate_hz: int, options: SearchOptions = SearchOptions()) -> None:
        """Sound comes at `rate_hz`. Raises EncoderUnknown, CatalogueEmpty."""
        encoder = catalogue.encoder(options.encoder, to_search=True)
        super().__init__(catalogue, encoder, rate_hz, FOLLOWED_EVERY_S, options.artist, options.collection)
        self._catalogue, self._encoder = catalogue, encoder
        self._options = replace(options, encoder=encoder.name)
        self._match: Match | None = None
        self._playing: Playing | None = None
        self._last_heard_s = 0.0
        self.is_done = False

    def tell(self) -> LiveEvent | None:
        """What is new, if anything is, once `hear` says that it is time. Raises CatalogueEmpty, SongUnknown."""
        self._take()
        if self._match is not None:
            return self._follow(self._match)
        windows = self._questions.due(self.heard_s)
        return self._ask(windows[0]) if windows else None

    def _ask(self, window: tuple[float, float]) -> Asked:
        numbers, embeddings, offsets_s = self._scanner.recent.within(window)
        if not len(numbers):
            answer = Answer("live", self._encoder.name, self._encoder.id, self.heard_s, [], "is silent")
        else:
            fragments = Fragments(embeddings, offsets_s, self.heard_s)
            answer = identify_fragments(self._catalogue, fragments, self._options, "live")
        is_last = self.heard_s >= ASKED_AT_S[-1]
        if answer.matched:
            self._match, self._last_heard_s = answer.matches[0], self.heard_s
            self._scanner.believe(self._match, window)
            self._questions.stop()
        self.is_done = is_last and not answer.matched
        return Asked(round(self.heard_s, 3), answer, answer.matched or is_last)

    def _follow(self, match: Match) -> Now | Lost:
        heard = self._scanner.look([], SMOOTHING_S)
        playing = next((playing for playing in heard if playing.song_id == match.song_id), None)
        if playing is not None:
            self._playing, self._last_heard_s = playing, self.heard_s
        elif self.heard_s - self._last_heard_s >= LOST_S:
            self.is_done = True
            return Lost(round(self.heard_s, 3), match.song_id)
        known = self._playing or Playing(0.0, 0.0, song_end_s=match.offset_s, speed=1.0)
        song_s, speed = place(known, self.heard_s), known.speed or 1.0
        return Now(round(self.heard_s, 3), match.song_id, round(song_s, 3), round(speed, 4))
