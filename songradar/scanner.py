"""A recording as it is heard: windows of it are searched for, songs followed, and playings told once they are over."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from songradar.answers import DOUBTFUL, Answers, point_of
from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db import scans
from songradar.db.scans import SongOfScan
from songradar.db.search import Match
from songradar.extents import FAINT, Stretch, choose, stretches
from songradar.fitting import REACH_S, extend, fit, merged, weigh
from songradar.following import Follower, Heard
from songradar.ml.audio import Wave
from songradar.ml.errors import AudioReadError, DecoderKilled
from songradar.recent import KEPT_S, Recent
from songradar.timeline import SURE, UNUSUAL, Line, Playing, Point, gaps, join

LONG_S, SHORT_S = 10.0, 4.0
"""Windows that are searched for: long ones all along, and between two of them where something might be heard; short
ones, which overlap, where these say nothing.
"""

BATCH_S = 60.0
"""So much of a recording is heard before it is searched for."""

CLOSER = 0.9
"""What the fragments of an answer that is not believed must have beyond FAINT in all to be worth a closer look."""

SPARSE = 2
"""One in so many long windows is searched for at first: songs that are known from then on are only followed."""

NEAR_S, FADED_S = 1.0, 6.0
"""A playing that begins so shortly after its song does, begins with its song: it is cut at a fragment that is mostly
silent; or it comes in bit by bit, and its first seconds are too faint, or under another song. So it ends with its song,
but not if it is faded out there.
"""

LEAST_S = 2.0
"""Times that nothing explains are searched for, and told, if they are at least so long."""


class Scanner:
    """Hears a recording as it comes and tells its playings as soon as they are over.

    Playings come in order of their starts. What no song explains comes as unknown, silence included.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        encoder: LoadedEncoder,
        artist: str | None = None,
        collection: str | None = None,
        min_played_s: float = 0.0,
        covered_s: float = 0.0,
    ) -> None:
        """Only songs by `artist` and in `collection` are named [all], if they are played for `min_played_s`.

        Up to `covered_s`, which may lie before the first sample, all has been told.
        """
        self._catalogue, self._encoder = catalogue, encoder
        self._min_played_s = min_played_s
        spec = encoder.network.spec
        self._hop_s, self._fragment_s = spec.query_hop_s, spec.fragment_s
        self._overlapping = spec.hop_s < spec.fragment_s
        self.recent = Recent(spec)
        self._answers = Answers(catalogue, encoder, artist, collection)
        self._lines: list[Line] = []
        self._over: list[Stretch] = []
        self._waiting: list[Playing] = []
        self._asked: set[tuple[float, float]] = set()
        self._searched_s = self._searched_short_s = 0.0
        self._covered_s = covered_s
        self._follower = Follower(catalogue, encoder)
        self.told_s = 0.0
        self.is_done = False

    def close(self) -> None:
        """Wait for searches under way, and begin no others."""
        self._answers.close()

    @property
    def heard_s(self) -> float:
        """Seconds of the recording heard so far."""
        return self.recent.heard_s

    def hear(self, blocks: Iterable[Wave]) -> Iterator[list[Playing]]:
        """What is told after each BATCH_S of a recording, and at its end: (t,) float32 at the encoder's rate.

        An AudioReadError of the blocks comes after what was heard before it; but DecoderKilled comes at once, as the
        recording goes on.
        """
        until_s, broken_off = BATCH_S + LONG_S, None
        try:
            for number, embedding in self._encoder.network.stream_query(self.recent.counted(blocks)):
                self.recent.add(number, embedding)
                now_s = number * self._hop_s
                if now_s >= until_s:
                    yield list(self._advance(now_s))
                    until_s = now_s + BATCH_S
        except DecoderKilled:
            raise
        except AudioReadError as error:
            broken_off = error
        found = list(self._advance(self.heard_s, is_end=True))
        self.is_done = broken_off is None
        yield found
        if broken_off is not None:
            raise broken_off

    def take(self, fragments: Sequence[tuple[int, NDArray[np.float32]]], n_samples: int) -> None:
        """Hear so much more, of which these fragments are not silent, without telling anything yet.

        Instead of `hear`, for sound that is heard as it comes.
        """
        self.recent.take(fragments, n_samples)

    def believe(self, match: Match, window: tuple[float, float]) -> None:
        """Follow a song that was found in a window, and accepted: however sure that was, however fast it is played."""
        point = point_of(match, window)
        self._lines += join([replace(point, log_odds=max(point.log_odds, SURE + UNUSUAL))], self._lines)

    def look(self, windows: Sequence[tuple[float, float]], within_s: float, doubt: float = 0.0) -> list[Playing]:
        """What is heard now, or was `within_s`, as far as it is known; `windows` of the recording are searched for.

        The log odds of their answers count less by `doubt`: who asks more often is more often told nonsense.
        """
        self._compare_anew()
        self._ask(windows, doubt, thorough=True)
        now_s = self.heard_s
        newest = (now_s - self._fragment_s - within_s) / self._hop_s
        now = [stretch for stretch in choose(self._lines, self._hop_s) if stretch.last >= newest]
        return self._playings(now, now_s)

    def tell(self, *, is_end: bool = False) -> list[Playing]:
        """The playings that are over by now, once each, or all of them at the recording's end."""
        return list(self._advance(self.heard_s, is_end=is_end))

    def _advance(self, now_s: float, *, is_end: bool = False) -> Iterator[Playing]:
        """Search for a few windows, then for what these do not explain, ever more closely."""
        self._compare_anew()
        due = list(self._due(now_s, is_end=is_end))
        aligned = [window for window in due if round(window[0] / (LONG_S / 2)) % 2 == 0]
        self._ask(self._unknown_of(aligned[::SPARSE]))
        self._ask(self._unknown_of(aligned))
        self._ask([window for window in self._unknown_of(due) if self._is_suspicious(window)])
        until_s = now_s if is_end else now_s - LONG_S
        spans = [self._span(stretch) for stretch in choose(self._lines, self._hop_s)]
        unexplained = list(gaps(spans, self._searched_short_s, until_s, LEAST_S))
        self._ask([window for begin, end in unexplained for window in short_windows(begin, end)])
        self._ask(self._closer(now_s, is_end=is_end))
        self._look_again()
        playings = choose(self._lines, self._hop_s)
        yield from self._tell(playings, now_s, is_end=is_end)
        self._searched_s = due[-1][0] + LONG_S / 2 if due else self._searched_s
        self._searched_short_s = until_s
        self._forget(now_s)

    def _due(self, now_s: float, *, is_end: bool) -> Iterator[tuple[float, float]]:
        """Long windows that come next."""
        at_s = self._searched_s
        while at_s + LONG_S <= now_s or (is_end and at_s < now_s):
            yield at_s, min(at_s + LONG_S, now_s)
            if is_end and at_s + LONG_S >= now_s:
                return
            at_s += LONG_S / 2

    def _unknown_of(self, windows: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """Those of the windows that no song explains that is known well enough to be only followed."""
        known = [self._span(stretch) for stretch in choose(self._lines, self._hop_s) if stretch.line.is_known]
        return [w for w in windows if not any(begin <= w[0] and w[1] <= end for begin, end in known)]

    def _is_suspicious(self, window: tuple[float, float]) -> bool:
        """Whether something that overlaps with the window was answered that was not believed, but not dismissed."""
        begin, end = window
        points = [point for line in self._lines for point in line.points]
        return any(point.window[0] < end and begin < point.window[1] for point in points)

    def _closer(self, now_s: float, *, is_end: bool) -> list[tuple[float, float]]:
        """Windows in which songs seem to be heard that are not believed yet: no more than these, and no less."""
        found = []
        for line in self._lines:
            heard = [] if line.is_believed else stretches(line, self._hop_s)
            for stretch in heard:
                begin, end = self._span(stretch)
                mass = float(np.sum(stretch.similarities(stretch.first, stretch.last) - FAINT))
                if mass >= CLOSER and (is_end or end < now_s - SHORT_S):
                    middle_s, half_s = (begin + end) / 2, np.clip((end - begin) / 2, LEAST_S / 2, LONG_S / 2)
                    found.append((max(0.0, middle_s - half_s), min(now_s, middle_s + half_s)))
        return found

    def _ask(self, windows: Sequence[tuple[float, float]], doubt: float = 0.0, *, thorough: bool = False) -> None:
        """Search for windows not searched for yet, and follow what is found.

        As each second lies in several windows, and what one finds is followed, first looks do: on mixes, thorough ones
        find nothing more, and take three times as long.
        """
        new = [window for window in windows if window not in self._asked]
        answers = self._answers.about(new, self.recent, thorough=thorough)
        if not doubt:
            self._asked.update(new)
        if answers:
            points = [replace(point, log_odds=point.log_odds - doubt) for point in answers]
            self._lines += join(points, self._lines)
            self._extend()

    def _look_again(self) -> None:
        """Look thoroughly where a first look was only just sure of a song: what that answers counts instead."""
        for line in self._lines:
            while line.is_believed and not line.is_known and self._is_hasty(line.best):
                hasty = line.best
                answers = self._answers.about([hasty.window], self.recent, thorough=True)
                found = [answer for answer in answers if line.takes(answer)]
                line.points = [point for point in line.points if point is not hasty]
                line.points += found or [replace(hasty, log_odds=DOUBTFUL, is_thorough=True)]

    def _is_hasty(self, point: Point) -> bool:
        """Whether a first look gave it, and its window can still be looked at."""
        return not point.is_thorough and point.window[0] >= self.heard_s - KEPT_S

    def _compare_anew(self) -> None:
        """Compare what has been heard by now."""
        fragments = self.recent.fragments
        self._follower.heard = Heard.of(fragments, self._encoder.network.spec) if fragments else None
        self._extend()

    def _extend(self) -> None:
        """Compare what is at hand with the songs of the lines."""
        if self._follower.heard is None:
            return
        oldest, newest = int(self._follower.heard.numbers[0]), int(self._follower.heard.numbers[-1]) + 1
        for line in self._lines:
            extend(line, self._hop_s, oldest, newest, self._follower)
            if line.is_believed:
                fit(line, self._hop_s, oldest, self._follower)
            weigh(line, self._hop_s, oldest, self._follower)
        self._lines = merged(self._lines)

    def _span(self, playing: Stretch) -> tuple[float, float]:
        """From when to when, in seconds: a fragment that is half of the song is the first or the last."""
        inside_s = (self._fragment_s - self._hop_s) / 2 if self._overlapping else 0.0
        begin = playing.first * self._hop_s + inside_s if playing.first else 0.0
        return begin, playing.last * self._hop_s + self._fragment_s - inside_s

    def _tell(self, stretches: Sequence[Stretch], now_s: float, *, is_end: bool) -> Iterator[Playing]:
        """Those that are over, in order of their starts, with what is unknown between them."""
        over_s = now_s if is_end else now_s - REACH_S - LONG_S
        horizon_s = over_s
        ended: list[Stretch] = []
        for stretch in stretches:
            begin_s, end_s = self._span(stretch)
            if any(stretch.line is told.line and stretch.first <= told.last for told in self._over):
                continue
            if end_s <= over_s or is_end:
                ended.append(stretch)
            else:
                horizon_s = min(horizon_s, begin_s)
        self._waiting = sorted([*self._waiting, *self._playings(ended, now_s)], key=lambda playing: playing.start_s)
        self._over += ended
        while self._waiting and (is_end or self._waiting[0].start_s <= horizon_s):
            playing = self._waiting.pop(0)
            if playing.end_s - playing.start_s < self._min_played_s:
                continue
            yield from self._unknown(playing.start_s)
            yield playing
            self._covered_s = max(self._covered_s, playing.end_s)
        if is_end:
            yield from self._unknown(now_s)
        self.told_s = horizon_s

    def _playings(self, stretches: Sequence[Stretch], now_s: float) -> list[Playing]:
        """Of the stretches, with what is known of the songs; without those of songs that were removed meanwhile."""
        numbers = [stretch.line.song_id for stretch in stretches]
        if not numbers:
            return []
        songs = self._catalogue.retrying_search(partial(scans.read_songs, numbers=numbers))
        return [self._playing(s, songs[s.line.song_id], now_s) for s in stretches if s.line.song_id in songs]

    def _unknown(self, until_s: float) -> Iterator[Playing]:
        if until_s - self._covered_s >= LEAST_S:
            n = round((until_s - self._covered_s) / self._hop_s)
            yield Playing(self._covered_s, until_s, n_fragments=n)

    def _playing(self, stretch: Stretch, song: SongOfScan, now_s: float) -> Playing:
        line, (start_s, end_s) = stretch.line, self._span(stretch)
        before_s = float(line.song_s(start_s)) / line.rate
        left_s = (song.duration_s - float(line.song_s(end_s))) / line.rate
        if before_s < (FADED_S if stretch.fades_in else NEAR_S):
            start_s = max(0.0, start_s - before_s)
        if left_s < NEAR_S:
            end_s += left_s
        end_s = min(end_s, now_s)
        similarities = stretch.similarities(stretch.first, stretch.last)
        return Playing(
            start_s,
            end_s,
            line.song_id,
            song.title,
            song.artist,
            song.source,
            song.isrc,
            song.mbid,
            song_start_s=float(line.song_s(start_s)),
            song_end_s=float(line.song_s(end_s)),
            speed=line.rate,
            confidence=1 / (1 + math.exp(-line.log_odds)),
            coverage=float(np.mean(similarities > FAINT)),
            n_fragments=len(similarities),
        )

    def _forget(self, now_s: float) -> None:
        self.recent.drop()
        needed = min([self.told_s, now_s - 4 * REACH_S]) / self._hop_s
        self._lines = [line for line in self._lines if line.last_heard(self._hop_s) >= needed - REACH_S / self._hop_s]
        self._asked = {window for window in self._asked if window[1] >= now_s - 2 * BATCH_S}
        self._over = [stretch for stretch in self._over if any(stretch.line is line for line in self._lines)]


def short_windows(begin_s: float, end_s: float) -> Iterator[tuple[float, float]]:
    """Windows of SHORT_S that overlap by a quarter and cover a time; one where it is hardly longer."""
    n = max(1, math.ceil((end_s - begin_s - SHORT_S) / (0.75 * SHORT_S) + 1 - 1e-6))
    length_s = min(SHORT_S, end_s - begin_s)
    step_s = (end_s - begin_s - length_s) / max(1, n - 1)
    return ((begin_s + i * step_s, begin_s + i * step_s + length_s) for i in range(n))
