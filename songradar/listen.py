"""What is playing now: songs are named as soon as that is sure, while their sound comes, and followed to their end."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db import scans, search
from songradar.extents import SMOOTHING_S
from songradar.hearing import Hearing, place
from songradar.ml.errors import AudioReadError
from songradar.ml.live import LiveSound
from songradar.patience import Patience
from songradar.scan import ScanOptions
from songradar.scanner import LONG_S
from songradar.timeline import Playing

LOOK_S = 0.5
"""How often it is looked what is heard, in seconds of sound."""

DOUBT = 4.0
"""Such answers count for less by these log odds: one alone has to be sure to 99.9 %, as clear music is after 2 s.

More questions are asked than in a scan, so more chances to be wrong are taken, with less sound than in its windows.
"""

SCANNED_EVERY_S = 5.0
"""How often it is asked which playings are over."""

AGAIN_S = 5.0
"""A song that was not heard for longer is told anew."""

FORGOTTEN_S = 60.0
"""A song that was named, was not heard for so long, and has not become a playing, is withdrawn."""


@dataclass(frozen=True)
class Started:
    """A song is named, the `number`th, `heard_s` after its sound began; `song_s` is where in the song that is."""

    number: int
    at: datetime
    playing: Playing
    song_s: float
    heard_s: float


@dataclass(frozen=True)
class Now:
    """The song with that `number` is at `song_s`."""

    number: int
    at: datetime
    playing: Playing
    song_s: float


@dataclass(frozen=True)
class Ended:
    """A playing is over, and kept; or a stretch that nothing explains, which has no `number`.

    What was `withdrawn` had been named too early: all that was heard since makes it doubtful. `began` is when the first
    sound came.
    """

    number: int | None
    at: datetime
    playing: Playing
    began: datetime
    withdrawn: bool = False


Event: TypeAlias = Started | Now | Ended


@dataclass
class Open:
    """A song that was named and has not ended; when it was heard and told last."""

    number: int
    playing: Playing
    heard_s: float
    told_s: float


def listen(
    catalogue: Catalogue,
    sound: LiveSound,
    options: ScanOptions,
    now_every_s: float = 10.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Event]:
    """What is heard, until the sound ends or is stopped; songs that are heard then end with it.

    `options` are those of a scan, less `from_s` and `to_s`. Without `began_at`, the recording begins when the first
    sound comes. A database that goes away is waited for, which `tell` is told in a sentence; the sound is heard on.
    Raises AudioReadError, also after events; CatalogueEmpty, EncoderUnknown, SongUnknown; ServerUnreachable where the
    database does not come back.
    """
    encoder = catalogue.encoder(options.encoder, to_search=True)
    with catalogue.searching() as connection:
        search.check_not_empty(connection, encoder.stored)
        search.check_choice(connection, options.artist, options.collection)
    session, broken_off = None, None
    try:
        for block in sound.blocks(encoder.network.spec.sample_rate_hz):
            session = session or Session(catalogue, encoder, sound.name, options, now_every_s, Patience(tell))
            if session.hear(block):
                yield from session.tell()
    except AudioReadError as error:
        broken_off = error
    if session is not None:
        yield from session.end()
    if broken_off is not None:
        raise broken_off


class Session(Hearing):
    """Names song after song, and tells when each is over."""

    def __init__(
        self,
        catalogue: Catalogue,
        encoder: LoadedEncoder,
        name: str,
        options: ScanOptions,
        now_every_s: float,
        patience: Patience,
    ) -> None:
        """The sound is kept as `name`; see `listen`."""
        spec = encoder.network.spec
        super().__init__(
            catalogue, encoder, spec.sample_rate_hz, LOOK_S, options.artist, options.collection, options.min_played_s
        )
        self._catalogue, self._options, self._now_every_s = catalogue, options, now_every_s
        self._patience = patience
        self._silence_s = spec.fragment_s + 2 * spec.query_hop_s
        self._began = options.began_at or datetime.now(UTC).astimezone()
        self._kept = None
        if options.keep:
            with catalogue.connection() as connection:
                self._kept = scans.begin(connection, name, None, self._began, encoder.id, options.kept)
        self._open: list[Open] = []
        self._n_named = 0
        self._loud_s = 0.0
        self._scanned_s = LONG_S
        self._over: list[Playing] = []
        self._is_over = False

    def tell(self) -> Iterator[Event]:
        """What is new, once `hear` says that it is time; nothing while the database is away.

        Raises ServerUnreachable where it does not come back.
        """
        is_loud, now_s = self._take(), self.heard_s
        if is_loud:
            self._loud_s = now_s
        elif now_s - self._loud_s > self._silence_s:  # what comes next is something new
            self._questions.restart(now_s)
        if not self._patience.wait_s:
            with self._patience.attempt():
                yield from self._look(now_s)

    def _look(self, now_s: float) -> Iterator[Event]:
        heard = self._scanner.look(self._questions.due(now_s), SMOOTHING_S, DOUBT)
        if heard:
            self._questions.restart(max(playing.end_s for playing in heard))
        for playing in heard:
            yield from self._follow(playing, now_s)
        if now_s - self._scanned_s >= SCANNED_EVERY_S:
            yield from self._ended()
            self._scanned_s = now_s

    def end(self) -> Iterator[Event]:
        """What is still to be told when no more sound comes. Raises ServerUnreachable."""
        self._take()
        while True:
            time.sleep(self._patience.wait_s)
            with self._patience.attempt():
                yield from self._ended(is_end=True)
                break
        self.close()

    def _follow(self, playing: Playing, now_s: float) -> Iterator[Event]:
        """A song that is heard now."""
        song_s = place(playing, now_s)
        known = self._opened(playing)
        if known is None:
            if now_s - playing.start_s >= self._options.min_played_s:
                known = self._begin(playing, now_s)
                yield Started(known.number, self._at(now_s), playing, song_s, now_s - playing.start_s)
        elif now_s - known.told_s >= self._now_every_s:
            known.told_s = now_s
            yield Now(known.number, self._at(now_s), playing, song_s)
        if known is not None:
            known.playing, known.heard_s = playing, now_s

    def _ended(self, *, is_end: bool = False) -> Iterator[Event]:
        """The playings that are over, once they are kept."""
        if not self._is_over:
            self._over += self._scanner.tell(is_end=is_end)
            self._is_over = is_end
        now_s = self._scanner.heard_s
        if self._kept is not None:
            plays = [vars(one) for one in self._over]
            with self._catalogue.connection() as connection:
                if is_end:
                    scans.finish(connection, self._kept.id, plays, self._scanner.told_s, now_s)
                else:
                    scans.keep(connection, self._kept.id, plays, self._scanner.told_s)
        playings, self._over = self._over, []
        for playing in playings:
            if playing.is_unknown:
                yield Ended(None, self._at(now_s), playing, self._began)
                continue
            known = self._opened(playing)
            if known is None:
                known = self._begin(playing, now_s)
                end_s = playing.end_s
                yield Started(known.number, self._at(now_s), playing, place(playing, end_s), end_s - playing.start_s)
            self._open.remove(known)
            yield Ended(known.number, self._at(now_s), playing, self._began)
        for known in list(self._open):
            if is_end or (known.heard_s < now_s - FORGOTTEN_S and known.playing.start_s < self._scanner.told_s):
                self._open.remove(known)
                yield Ended(known.number, self._at(now_s), known.playing, self._began, withdrawn=True)

    def _begin(self, playing: Playing, now_s: float) -> Open:
        self._n_named += 1
        self._open.append(Open(self._n_named, playing, now_s, now_s))
        return self._open[-1]

    def _opened(self, playing: Playing) -> Open | None:
        """The open song of which this is more, or the end."""
        for known in self._open:
            begins_later = playing.start_s > known.heard_s + AGAIN_S
            ended_before = playing.end_s < known.playing.start_s - AGAIN_S
            if known.playing.song_id == playing.song_id and not begins_later and not ended_before:
                return known
        return None

    def _at(self, seconds: float) -> datetime:
        return self._began + timedelta(seconds=seconds)
