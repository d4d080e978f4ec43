"""A recording as it is heard: windows of it are searched for, songs followed, and playings told once they are over."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db import scans, search
from songradar.db.scans import SongOfScan
from songradar.db.search import Match, Question
from songradar.following import Follower, Heard
from songradar.ml.audio import Wave
from songradar.ml.errors import AudioReadError
from songradar.timeline import EDGE_S, FAINT, REACH_S, Line, Playing, Point, Stretch, choose, extend, gaps, join, tune

LONG_S, SHORT_S = 10.0, 4.0
"""Windows that are searched for: long ones all along, short ones where these say nothing. They overlap by half."""

BATCH_S = 60.0
"""So much of a recording is heard before it is searched for."""

KEPT_S = 60.0
"""Fragments are kept for so long: a playing that is found begins no earlier than this before."""

CANDIDATES = 3
"""Answers of a search that are followed."""

DOUBTFUL = -3.0
"""Log odds below which an answer is not worth following."""

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
        self._artist, self._collection, self._min_played_s = artist, collection, min_played_s
        spec = encoder.network.spec
        self._hop_s, self._fragment_s = spec.query_hop_s, spec.fragment_s
        self._overlapping = spec.hop_s < spec.fragment_s
        self._kept: deque[tuple[int, NDArray[np.float32]]] = deque()
        self._lines: list[Line] = []
        self._over: list[Stretch] = []
        self._waiting: list[Playing] = []
        self._n_samples = 0
        self._searched_s = self._searched_short_s = 0.0
        self._covered_s = covered_s
        self._follower = Follower(catalogue, encoder)
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="scan")
        self.told_s = 0.0
        self.is_done = False

    def close(self) -> None:
        """Wait for searches under way, and begin no others."""
        self._pool.shutdown(cancel_futures=True)

    @property
    def heard_s(self) -> float:
        """Seconds of the recording heard so far."""
        return self._n_samples / self._encoder.network.spec.sample_rate_hz

    def hear(self, blocks: Iterable[Wave]) -> Iterator[list[Playing]]:
        """What is told after each BATCH_S of a recording, and at its end: (t,) float32 at the encoder's rate.

        An AudioReadError of the blocks comes after what was heard before it.
        """
        until_s, broken_off = BATCH_S + LONG_S, None
        try:
            for number, embedding in self._encoder.network.stream_query(self._counted(blocks)):
                self._kept.append((number, embedding))
                now_s = number * self._hop_s
                if now_s >= until_s:
                    yield list(self._advance(now_s))
                    until_s = now_s + BATCH_S
        except AudioReadError as error:
            broken_off = error
        found = list(self._advance(self.heard_s, is_end=True))
        self.is_done = broken_off is None
        yield found
        if broken_off is not None:
            raise broken_off

    def _counted(self, blocks: Iterable[Wave]) -> Iterator[Wave]:
        for block in blocks:
            self._n_samples += len(block)
            yield block

    def _advance(self, now_s: float, *, is_end: bool = False) -> Iterator[Playing]:
        self._follower.heard = Heard.of(self._kept, self._encoder.network.spec) if self._kept else None
        self._extend()
        self._ask(self._windows(now_s, is_end=is_end))
        self._extend()
        playings = choose(self._lines, self._hop_s)
        until_s = now_s if is_end else now_s - LONG_S
        unexplained = list(
            gaps([self._span(playing) for playing in playings], self._searched_short_s, until_s, LEAST_S)
        )
        self._searched_short_s = until_s
        if unexplained:
            self._ask([window for begin, end in unexplained for window in short_windows(begin, end)])
            self._extend()
            playings = choose(self._lines, self._hop_s)
        yield from self._tell(playings, now_s, is_end=is_end)
        self._forget(now_s)

    def _windows(self, now_s: float, *, is_end: bool) -> list[tuple[float, float]]:
        """Long windows not searched for yet, less those that a song explains that was found before."""
        found = []
        explained = [self._span(s) for s in choose(self._lines, self._hop_s) if s.line.is_known]
        while self._searched_s + LONG_S <= now_s or (is_end and self._searched_s < now_s):
            begin, end = self._searched_s, min(self._searched_s + LONG_S, now_s)
            if not any(first <= begin and end <= last for first, last in explained):
                found.append((begin, end))
            self._searched_s += LONG_S / 2
            if end == now_s and is_end:
                break
        return found

    def _ask(self, windows: Sequence[tuple[float, float]]) -> None:
        points = [point for found in self._pool.map(self._points, windows) for point in found]
        self._lines += join(points, self._lines)

    def _points(self, window: tuple[float, float]) -> list[Point]:
        begin_s, end_s = window
        first, last = np.ceil(begin_s / self._hop_s - 1e-6), (end_s - self._fragment_s) / self._hop_s + 1e-6
        inside = [(number, embedding) for number, embedding in self._kept if first <= number <= last]
        if len(inside) < 3:
            return []
        numbers, embeddings = zip(*inside, strict=True)
        offsets_s = (np.array(numbers) * self._hop_s - begin_s).astype(np.float32)
        asked = Question(
            self._encoder.id, np.stack(embeddings), offsets_s, CANDIDATES, artist=self._artist,
            collection=self._collection,
        )  # fmt: skip
        with self._catalogue.connection() as connection:
            matches = search.find_matches(connection, asked)
        half_s = (end_s - begin_s) / 2
        return [
            Point(begin_s + half_s, end_s - begin_s, match.song_id, match.offset_s + half_s, log_odds(match))
            for match in matches
            if log_odds(match) > DOUBTFUL
        ]

    def _extend(self) -> None:
        """Compare what is at hand with the songs of the lines that are believed."""
        if self._follower.heard is None:
            return
        oldest, newest = int(self._follower.heard.numbers[0]), int(self._follower.heard.numbers[-1]) + 1
        for line in self._lines:
            if line.is_believed:
                extend(line, self._hop_s, oldest, newest, self._follower.follow)
                tune(line, self._hop_s, oldest, self._follower.follow)

    def _span(self, playing: Stretch) -> tuple[float, float]:
        """From when to when, in seconds: a fragment that is half of the song is the first or the last."""
        inside_s = (self._fragment_s - self._hop_s) / 2 if self._overlapping else 0.0
        begin = playing.first * self._hop_s + inside_s if playing.first else 0.0
        return begin, playing.last * self._hop_s + self._fragment_s - inside_s

    def _tell(self, stretches: Sequence[Stretch], now_s: float, *, is_end: bool) -> Iterator[Playing]:
        """Those that are over, in order of their starts, with what is unknown between them."""
        over_s = now_s if is_end else now_s - REACH_S - LONG_S
        horizon_s = over_s
        ended: list[Playing] = []
        for stretch in stretches:
            begin_s, end_s = self._span(stretch)
            if any(stretch.line is told.line and stretch.first <= told.last for told in self._over):
                continue
            if end_s <= over_s or is_end:
                self._over.append(stretch)
                ended.append(self._playing(stretch, min(end_s, now_s)))
            else:
                horizon_s = min(horizon_s, begin_s)
        self._waiting = sorted([*self._waiting, *self._described(ended, now_s)], key=lambda playing: playing.start_s)
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

    def _described(self, playings: Sequence[Playing], now_s: float) -> list[Playing]:
        """With what is known of the songs; without those of songs that were removed meanwhile."""
        numbers = [playing.song_id for playing in playings if playing.song_id is not None]
        if not numbers:
            return []
        with self._catalogue.connection() as connection:
            songs = scans.read_songs(connection, numbers)
        return [described(playing, songs[playing.song_id], now_s) for playing in playings if playing.song_id in songs]

    def _unknown(self, until_s: float) -> Iterator[Playing]:
        if until_s - self._covered_s >= LEAST_S:
            n = round((until_s - self._covered_s) / self._hop_s)
            yield Playing(self._covered_s, until_s, n_fragments=n)

    def _playing(self, stretch: Stretch, end_s: float) -> Playing:
        line, (start_s, _) = stretch.line, self._span(stretch)
        similarities = stretch.similarities(stretch.first, stretch.last)
        return Playing(
            start_s,
            end_s,
            line.song_id,
            song_start_s=float(line.song_s(start_s)),
            song_end_s=float(line.song_s(end_s)),
            speed=line.rate,
            confidence=1 / (1 + math.exp(-line.log_odds)),
            coverage=float(np.mean(similarities > FAINT)),
            n_fragments=len(similarities),
        )

    def _forget(self, now_s: float) -> None:
        oldest = (now_s - KEPT_S) / self._hop_s
        while self._kept and self._kept[0][0] < oldest:
            self._kept.popleft()
        needed = min([self.told_s, now_s - 4 * REACH_S]) / self._hop_s
        self._lines = [line for line in self._lines if line.last_heard(self._hop_s) >= needed - REACH_S / self._hop_s]
        self._over = [stretch for stretch in self._over if any(stretch.line is line for line in self._lines)]


def described(playing: Playing, song: SongOfScan, now_s: float) -> Playing:
    """The same with what is known of the song; a playing that is nearly all of it, from its start or to its end, is."""
    speed, start_s, end_s = playing.speed or 1.0, playing.start_s, playing.end_s
    song_start_s, song_end_s = playing.song_start_s or 0.0, playing.song_end_s or 0.0
    if song_start_s < EDGE_S:
        start_s = max(0.0, start_s - song_start_s / speed)
    if song.duration_s - song_end_s < EDGE_S:
        end_s = min(now_s, end_s + (song.duration_s - song_end_s) / speed)
    return replace(
        playing,
        start_s=start_s,
        end_s=end_s,
        song_start_s=song_start_s + speed * (start_s - playing.start_s),
        song_end_s=song_end_s + speed * (end_s - playing.end_s),
        title=song.title,
        artist=song.artist,
        source=song.source,
        isrc=song.isrc,
        mbid=song.mbid,
    )


def short_windows(begin_s: float, end_s: float) -> Iterator[tuple[float, float]]:
    """Windows of SHORT_S that overlap by half and cover a time; one where it is hardly longer."""
    n = max(1, math.ceil((end_s - begin_s - SHORT_S) / (SHORT_S / 2) + 1 - 1e-6))
    length_s = min(SHORT_S, end_s - begin_s)
    step_s = (end_s - begin_s - length_s) / max(1, n - 1)
    return ((begin_s + i * step_s, begin_s + i * step_s + length_s) for i in range(n))


def log_odds(match: Match) -> float:
    """Of the confidence that a match is right."""
    p = min(max(match.confidence, 1e-6), 1 - 1e-6)
    return float(np.log(p / (1 - p)))
