"""What is heard in a long recording, from one time to another."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Playing:
    """A song, or what is unknown, from one time of a recording to another."""

    start_s: float
    end_s: float
    song_id: int | None  # None: unknown
    title: str | None
    artist: str | None
    source: str | None
    isrc: str | None
    mbid: str | None
    song_start_s: float | None  # where in the song start_s and end_s lie
    song_end_s: float | None
    speed: float | None  # 1.018: played 1.8 % faster
    confidence: float | None
    coverage: float | None  # share of its fragments that are heard as that song
    n_fragments: int
