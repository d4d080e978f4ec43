"""Results as JSON has them, on the command line and over HTTP alike."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # so that a search need not import SQLAlchemy, which songs and encoders need
    from songradar.db.encoders import EncoderSummary
    from songradar.db.songs import StoredSong, Usage
    from songradar.db.twins import Pair, Twin
    from songradar.identify import Answer, Match
    from songradar.outcomes import FileOutcome, Tally

Record = dict[str, Any]

MATCH_FIELDS = (
    "rank", "song_id", "title", "artist", "album", "isrc", "mbid", "tags", "source", "offset_s", "score", "coverage",
    "confidence", "same_recording",
)  # fmt: skip
"""What is told of a match."""

OUTCOMES = ("added", "replaced", "moved", "removed", "already there", "duplicate", "failed")
"""What a summary counts."""


def of_answer(answer: "Answer") -> Record:
    return {
        "query": answer.query,
        "duration_s": round(answer.duration_s, 3),
        "encoder": answer.encoder,
        "matched": answer.matched,
        "matches": [of_match(match) for match in answer.matches],
        **({"reason": answer.reason} if answer.reason else {}),
        "timings_ms": answer.timings_ms,
        **({"plan": answer.plan} if answer.plan else {}),
        **({"missing_shards": answer.missing} if answer.missing else {}),
    }


def of_match(match: "Match") -> Record:
    known = asdict(match)
    record = {key: known[key] for key in MATCH_FIELDS}
    digits = {"offset_s": 3, "confidence": 6, "score": 4, "coverage": 4}
    return {key: round(value, digits[key]) if key in digits else value for key, value in record.items()}


def of_song(song: "StoredSong") -> Record:
    return {
        "song_id": song.id,
        "title": song.title,
        "artist": song.artist,
        "album": song.album,
        "collection": song.collection,
        "isrc": song.isrc,
        "mbid": song.mbid,
        "tags": song.tags,
        "duration_s": round(song.duration_s, 3),
        "source": song.source,
        "sha256": song.sha256.hex(),
        "added_at": song.added_at.isoformat(timespec="seconds"),
    }


def of_song_and_usage(song: "StoredSong", usage: "Usage") -> Record:
    last = usage.last_found_at.isoformat(timespec="seconds") if usage.last_found_at else None
    facts = {"edited": song.edited, "fragments": usage.fragments}
    return of_song(song) | facts | {"times_found": usage.times_found, "last_found_at": last}


def of_encoder(encoder: "EncoderSummary") -> Record:
    return vars(encoder) | {"sha256": encoder.sha256.hex(), "created_at": encoder.created_at.isoformat()}


def of_outcome(outcome: "FileOutcome") -> Record:
    record: Record = {"source": outcome.source, "outcome": outcome.outcome}
    if outcome.reason:
        record["reason"] = outcome.reason
    if outcome.fragments:
        record |= {"duration_s": outcome.duration_s, "fragments": outcome.fragments}
    if outcome.twins:
        record["twins"] = [of_twin(twin) for twin in outcome.twins]
    return record


def of_twin(twin: "Twin") -> Record:
    """Times to hundredths of a second, the speed to hundredths of a percent."""
    digits = {"shift_s": 2, "overlap_s": 2, "speed": 4, "confidence": 4}
    return {name: round(value, digits[name]) if name in digits else value for name, value in vars(twin).items()}


def of_pair(pair: "Pair") -> Record:
    """A pair of songs that are the same recording, rounded likewise."""
    from songradar.duplicates import relation

    rounded = {name: round(value, 2) for name, value in vars(pair).items() if name.endswith("_s")}
    exact = {"speed": round(pair.speed, 4), "confidence": round(pair.confidence, 4)}
    return vars(pair) | rounded | exact | {"relation": relation(pair)}


def of_tally(tally: "Tally") -> Record:
    counts = {key: tally.counts[key] for key in OUTCOMES}
    extent = {"hours": round(tally.audio_s / 3600, 4), "fragments": tally.fragments}
    pace = {"seconds": round(tally.seconds, 2), "hours_per_minute": round(tally.speed / 60, 2)}
    return {"summary": counts | extent | pace}
