"""What was played when in a recording of any length: a timeline of playings."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db import scans, search
from songradar.db.scans import SongOfScan, StoredScan
from songradar.db.search import Match, Question
from songradar.events import Listener, Note, Step, ignore
from songradar.ml.audio import Wave, declared_duration_s
from songradar.ml.decoder import Decoder
from songradar.ml.files import sha256, text_of
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


@dataclass(frozen=True)
class ScanOptions:
    """How to scan.

    `encoder` [the active one] encodes the recording, of which `from_s` to `to_s` [all] are heard; only songs by
    `artist` and in `collection` are named [all]; playings of less than `min_played_s` are left out. `began_at`, an
    aware time, is when the recording began. With `keep`, the database keeps what is found, and a scan that was broken
    off goes on from there.
    """

    encoder: str | None = None
    artist: str | None = None
    collection: str | None = None
    min_played_s: float = 0.0
    from_s: float = 0.0
    to_s: float | None = None
    began_at: datetime | None = None
    keep: bool = True

    @property
    def kept(self) -> dict[str, Any]:
        """What of it makes a scan another one."""
        names = ("artist", "collection", "min_played_s", "from_s", "to_s")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def scan(
    catalogue: Catalogue, recording: Path, options: ScanOptions = ScanOptions(), listen: Listener = ignore
) -> Iterator[Playing]:
    """The playings in a recording, in order of their starts, with what is unknown between them.

    Raises AudioReadError, also after playings, where a recording breaks off; CatalogueEmpty, EncoderUnknown,
    SongUnknown.
    """
    encoder = catalogue.encoder(options.encoder)
    with catalogue.connection() as connection:
        search.check_not_empty(connection, encoder.stored)
        if options.artist is not None or options.collection is not None:
            search.check_choice(connection, options.artist, options.collection)
    duration_s = declared_duration_s(recording)
    kept = _begun(catalogue, recording, encoder, options)
    start_s = max(options.from_s, kept.scanned_s if kept else 0.0)
    covered_s = options.from_s
    if kept and kept.scanned_s:
        listen(Note(f"{text_of(recording)}: goes on from {start_s:.0f} s, where an earlier scan was broken off"))
        with catalogue.connection() as connection:
            for playing in _kept_playings(connection, kept):
                covered_s = max(covered_s, playing.end_s)
                yield playing
    scanner = Scanner(catalogue, encoder, options, covered_s - start_s)
    until_s = min(options.to_s or math.inf, duration_s or math.inf)
    total = math.ceil((until_s - start_s) / BATCH_S) if math.isfinite(until_s) else 0
    with closing(scanner), Decoder() as decoder:
        rate_hz = encoder.network.spec.sample_rate_hz
        blocks = between(decoder.decode(recording, rate_hz), round(start_s * rate_hz), _samples(options.to_s, rate_hz))
        try:
            for number, playings in enumerate(scanner.hear(blocks), start=1):
                found = [shifted(playing, start_s) for playing in playings]
                if kept:
                    _keep(catalogue, kept, found, start_s + scanner.told_s)
                listen(Step("scanning", min(number, total), total))
                yield from found
        finally:
            if kept and scanner.is_done:
                with catalogue.connection() as connection:
                    scans.finish(connection, kept.id, start_s + scanner.heard_s)


def _begun(catalogue: Catalogue, recording: Path, encoder: LoadedEncoder, options: ScanOptions) -> StoredScan | None:
    if not options.keep:
        return None
    digest = sha256(recording)
    with catalogue.connection() as connection:
        return scans.begin(connection, text_of(recording), digest, options.began_at, encoder.id, options.kept)


def _keep(catalogue: Catalogue, kept: StoredScan, playings: Sequence[Playing], scanned_s: float) -> None:
    with catalogue.connection() as connection:
        scans.keep(connection, kept.id, [vars(playing) for playing in playings], scanned_s)


def _kept_playings(connection: psycopg.Connection, kept: StoredScan) -> list[Playing]:
    rows = scans.plays_of(connection, kept.id)
    songs = scans.read_songs(connection, [row["song_id"] for row in rows if row["song_id"]])
    names = [field.name for field in fields(Playing)]
    found = []
    for row in rows:
        song = songs.get(row["song_id"])
        told = {"source": song.source, "isrc": song.isrc, "mbid": song.mbid} if song else {}
        found.append(Playing(**{name: row[name] for name in names if name in row} | told))
    return found


def _samples(seconds: float | None, rate_hz: int) -> int | None:
    return None if seconds is None else round(seconds * rate_hz)


def between(blocks: Iterable[Wave], first: int, last: int | None) -> Iterator[Wave]:
    """The samples from the number `first` to `last` [all], the latter excluded, of a stream in blocks."""
    at = 0
    for block in blocks:
        piece = block[max(0, first - at) : None if last is None else max(0, last - at)]
        at += len(block)
        if len(piece):
            yield piece
        if last is not None and at >= last:
            return


def shifted(playing: Playing, by_s: float) -> Playing:
    """The same playing in a recording that began earlier."""
    return replace(playing, start_s=playing.start_s + by_s, end_s=playing.end_s + by_s)


class Scanner:
    """Hears a recording as it comes and tells its playings as soon as they are over.

    Playings come in order of their starts. What no song explains comes as unknown, silence included.
    """

    def __init__(
        self, catalogue: Catalogue, encoder: LoadedEncoder, options: ScanOptions, covered_s: float = 0.0
    ) -> None:
        """Up to `covered_s`, which may lie before the first sample, all has been told."""
        self._catalogue, self._encoder, self._options = catalogue, encoder, options
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
        """What is told after each BATCH_S of a recording, and at its end: (t,) float32 at the encoder's rate."""
        until_s = BATCH_S + LONG_S
        for number, embedding in self._encoder.network.stream_query(self._counted(blocks)):
            self._kept.append((number, embedding))
            now_s = number * self._hop_s
            if now_s >= until_s:
                yield list(self._advance(now_s))
                until_s = now_s + BATCH_S
        found = list(self._advance(self.heard_s, is_end=True))
        self.is_done = True
        yield found

    def _counted(self, blocks: Iterable[Wave]) -> Iterator[Wave]:
        for block in blocks:
            self._n_samples += len(block)
            yield block

    def _advance(self, now_s: float, *, is_end: bool = False) -> Iterator[Playing]:
        self._extend()
        self._ask(self._windows(now_s, is_end=is_end))
        self._extend()
        playings = choose(self._lines, self._hop_s)
        until_s = now_s if is_end else now_s - LONG_S
        unexplained = list(gaps(self._spans(playings), self._searched_short_s, until_s, LEAST_S))
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
        explained = self._spans([s for s in choose(self._lines, self._hop_s) if s.line.is_known])
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
            self._encoder.id, np.stack(embeddings), offsets_s, CANDIDATES, artist=self._options.artist,
            collection=self._options.collection,
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
        if not self._kept:
            return
        numbers = np.array([number for number, _ in self._kept])
        embeddings = self._apart(numbers, np.stack([embedding for _, embedding in self._kept]))

        def follow(line: Line, first: int, last: int) -> list[float]:
            begin, end = np.searchsorted(numbers, (first, last))
            similarities = np.zeros(last - first)
            if end > begin:
                song_s = line.song_s(numbers[begin:end] * self._hop_s)
                with self._catalogue.connection() as connection:
                    found = scans.follow(connection, self._encoder.id, line.song_id, embeddings[begin:end], song_s)
                similarities[numbers[begin:end] - first] = found
            return list(similarities.tolist())

        for line in self._lines:
            if line.is_believed:
                extend(line, self._hop_s, int(numbers[0]), int(numbers[-1]) + 1, follow)
                tune(line, self._hop_s, int(numbers[0]), follow)

    def _apart(self, numbers: NDArray[np.int64], embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Fragments (n, 64) without most of what they have in common with those around them, as match_v1 does it."""
        if not self._overlapping:
            return embeddings
        sums = np.concatenate([np.zeros((1, embeddings.shape[1])), np.cumsum(embeddings, axis=0, dtype=np.float64)])
        reach = round(LONG_S / 2 / self._hop_s)
        begin, end = np.searchsorted(numbers, numbers - reach), np.searchsorted(numbers, numbers + reach, "right")
        means = (sums[end] - sums[begin]) / (end - begin)[:, None]
        seconds = (numbers[end - 1] - numbers[begin]) * self._hop_s
        without = embeddings - (0.8 * seconds / (1 + seconds))[:, None] * means
        return np.asarray(without / np.maximum(np.linalg.norm(without, axis=1, keepdims=True), 1e-9), np.float32)

    def _spans(self, playings: Sequence[Stretch]) -> list[tuple[float, float]]:
        return [self._span(playing) for playing in playings]

    def _span(self, playing: Stretch) -> tuple[float, float]:
        """From when to when, in seconds: a fragment that is half of the song is the first or the last."""
        inside_s = (self._fragment_s - self._hop_s) / 2 if self._overlapping else 0.0
        begin = playing.first * self._hop_s + inside_s if playing.first else 0.0
        return begin, playing.last * self._hop_s + self._fragment_s - inside_s

    def _tell(self, stretches: Sequence[Stretch], now_s: float, *, is_end: bool) -> Iterator[Playing]:
        """Those that are over, in order of their starts, with what is unknown between them."""
        over_s = now_s if is_end else now_s - REACH_S - LONG_S
        horizon_s = over_s
        for stretch in stretches:
            begin_s, end_s = self._span(stretch)
            if any(stretch.line is told.line and stretch.first <= told.last for told in self._over):
                continue
            if end_s <= over_s or is_end:
                self._over.append(stretch)
                self._waiting.append(self._playing(stretch, min(end_s, now_s)))
            else:
                horizon_s = min(horizon_s, begin_s)
        with self._catalogue.connection() as connection:
            songs = scans.read_songs(connection, [p.song_id for p in self._waiting if p.song_id is not None])
        self._waiting = [described(p, songs[p.song_id], now_s) for p in self._waiting if p.song_id in songs]
        self._waiting.sort(key=lambda playing: playing.start_s)
        while self._waiting and (is_end or self._waiting[0].start_s <= horizon_s):
            playing = self._waiting.pop(0)
            if playing.end_s - playing.start_s < self._options.min_played_s:
                continue
            yield from self._unknown(playing.start_s)
            yield playing
            self._covered_s = max(self._covered_s, playing.end_s)
        if is_end:
            yield from self._unknown(now_s)
        self.told_s = horizon_s

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
