"""JSON schemas of what comes in and goes out, by name; they are components of the OpenAPI document."""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
OPTIONAL: Schema = {"type": ["string", "null"]}
NUMBER: Schema = {"type": "number"}
OPTIONAL_NUMBER: Schema = {"type": ["number", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
BOOLEAN: Schema = {"type": "boolean"}
ID: Schema = {"type": "integer", "minimum": 1}
OPTIONAL_ID: Schema = {"type": ["integer", "null"], "minimum": 1}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
OPTIONAL_SHARE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
MOMENT: Schema = {"type": "string", "format": "date-time"}
OPTIONAL_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}
NUMBERS: Schema = {"type": "object", "additionalProperties": NUMBER}


def described(schema: Schema, description: str) -> Schema:
    return schema | {"description": description}


def record(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """An object that has all of these properties but the optional ones, and no others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def items(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


def page(name: str, of: str, **others: Schema) -> Schema:
    """A part of a list, how long that is in all, and what else is told."""
    return record({name: items(of), "total": COUNT} | others)


OFFSET_S = described(NUMBER, "Where in the song the recording's first sample lies, in seconds; negative before it.")
SOURCE = described(TEXT, "The song's file; those who may only read are told its last part.")

MATCH = record(
    {
        "rank": ID,
        "song_id": ID,
        "title": TEXT,
        "artist": OPTIONAL,
        "album": OPTIONAL,
        "isrc": OPTIONAL,
        "mbid": OPTIONAL,
        "tags": TEXTS,
        "source": SOURCE,
        "offset_s": OFFSET_S,
        "score": described(NUMBER, "Mean similarity of the recording's fragments with the song where they lie in it."),
        "coverage": described(SHARE, "Share of the fragments that had the song among their nearest neighbours."),
        "confidence": described(SHARE, "Probability that this is the song."),
        "same_recording": described(BOOLEAN, "Whether it is the first, or another file of the same recording."),
    }
)

ANSWER = {
    "query": described(TEXT, "What the recording is called."),
    "duration_s": NUMBER,
    "encoder": TEXT,
    "matched": described(BOOLEAN, "Whether the song is named: the first of the matches is it then."),
    "matches": items("Match"),
    "reason": described(TEXT, "Why nothing could be compared: the recording is silent, or too short."),
    "timings_ms": described(NUMBERS, "Milliseconds of each stage."),
    "missing_shards": described(
        {"type": "array", "items": COUNT}, "Of a cluster, the shards that did not answer, where `partial` allowed that."
    ),
}

SONG = {
    "song_id": ID,
    "title": TEXT,
    "artist": OPTIONAL,
    "album": OPTIONAL,
    "collection": OPTIONAL,
    "isrc": OPTIONAL,
    "mbid": OPTIONAL,
    "tags": TEXTS,
    "duration_s": NUMBER,
    "source": SOURCE,
    "sha256": TEXT,
    "added_at": MOMENT,
}

USAGE = {
    "edited": described({"type": "array", "items": TEXT}, "What was set by hand, and stays."),
    "fragments": described({"type": "object", "additionalProperties": COUNT}, "Fragments by encoder."),
    "times_found": COUNT,
    "last_found_at": OPTIONAL_MOMENT,
}

KEPT_MATCH = record(
    {
        "rank": ID, "song_id": ID, "title": TEXT, "artist": OPTIONAL, "album": OPTIONAL, "offset_s": OFFSET_S,
        "score": NUMBER, "coverage": SHARE, "confidence": SHARE, "accepted": BOOLEAN,
    }
)  # fmt: skip

SEARCH = {
    "search_id": ID,
    "searched_at": MOMENT,
    "query": TEXT,
    "duration_s": NUMBER,
    "encoder": OPTIONAL,
    "matched": BOOLEAN,
    "matches": items("KeptMatch"),
    "timings_ms": NUMBERS,
}

SCAN = {
    "scan_id": ID,
    "recording": TEXT,
    "scanned_at": MOMENT,
    "began_at": described(OPTIONAL_MOMENT, "When the recording began, if that is known."),
    "finished_at": OPTIONAL_MOMENT,
    "scanned_s": NUMBER,
    "duration_s": described(
        OPTIONAL_NUMBER,
        "Length of the recording; null until the scan has ended, and where only a part of it was heard and it does not"
        " say how long it is.",
    ),
    "encoder": OPTIONAL,
    "options": {"type": "object"},
    "plays": described(COUNT, "Songs heard in it."),
}

PLAYING = {
    "recording": TEXT,
    "start_s": NUMBER,
    "end_s": NUMBER,
    "song_id": OPTIONAL_ID,
    "title": described(OPTIONAL, "Null for what is unknown."),
    "artist": OPTIONAL,
    "song_start_s": OPTIONAL_NUMBER,
    "song_end_s": OPTIONAL_NUMBER,
    "speed": OPTIONAL_NUMBER,
    "confidence": OPTIONAL_SHARE,
    "coverage": OPTIONAL_SHARE,
    "n_fragments": COUNT,
    "started_at": OPTIONAL_MOMENT,
    "ended_at": OPTIONAL_MOMENT,
}

STATUS = {
    "database": described(TEXT, "Only those who may write are told."),
    "postgresql": TEXT,
    "pgvector": TEXT,
    "schema": TEXT,
    "encoder": OPTIONAL,
    "songs": COUNT,
    "hours": NUMBER,
    "fragments": COUNT,
    "searches": COUNT,
    "songs_not_encoded": COUNT,
}

ENCODER = {
    "name": TEXT, "kind": TEXT, "active": BOOLEAN, "sha256": TEXT, "created_at": MOMENT, "onnx_bytes": COUNT,
    "songs": COUNT, "fragments": COUNT,
}  # fmt: skip

TWIN = {
    "song_id": ID, "title": TEXT, "artist": OPTIONAL, "source": SOURCE, "shift_s": NUMBER, "speed": NUMBER,
    "overlap_s": NUMBER, "confidence": SHARE,
}  # fmt: skip

PAIR_LINE: Schema = {
    "type": "object",
    "description": "Two songs that are the same recording; time in the other = speed * time in the song + shift_s."
    " Or an error, which ends the work.",
    "properties": TWIN
    | {"duration_s": NUMBER, "start_s": NUMBER, "end_s": NUMBER}
    | {"other_song_id": ID, "other_title": TEXT, "other_artist": OPTIONAL, "other_source": SOURCE}
    | {"other_duration_s": NUMBER, "relation": {"enum": ["same", "inside", "contains", "part"]}, "error": TEXT},
    "additionalProperties": False,
}

SPAN_OF_TIME = record({"at": MOMENT, "searches": COUNT, "matched": COUNT})

BIN = record({"from": SHARE, "to": SHARE, "accepted": COUNT, "refused": COUNT})

STAGE = record({"stage": TEXT, "median_ms": NUMBER, "p95_ms": NUMBER})

NAMED = {"song_id": OPTIONAL_ID, "title": TEXT, "artist": OPTIONAL}

INSIGHT = {
    "since": MOMENT,
    "bucket": described({"enum": ["hour", "day", "month"]}, "What the parts of `over_time` are."),
    "searches": COUNT,
    "matched": COUNT,
    "over_time": {"type": "array", "items": SPAN_OF_TIME},
    "confidence": {"type": "array", "description": "Of the first candidates, in tenths.", "items": BIN},
    "stages": {"type": "array", "items": STAGE},
    "most_found": {"type": "array", "items": record(NAMED | {"times": COUNT})},
    "most_played": {"type": "array", "items": record(NAMED | {"plays": COUNT, "played_s": NUMBER})},
}

OUTCOME: Schema = {
    "type": "object",
    "description": "What became of a file; or, as the last, a summary; or an error, which ends the work.",
    "properties": {
        "source": TEXT,
        "outcome": {"enum": ["added", "already there", "moved", "replaced", "removed", "duplicate", "failed"]},
        "reason": TEXT,
        "duration_s": NUMBER,
        "fragments": COUNT,
        "twins": described(items("Twin"), "Songs that were there before, and have the recording or a piece of it."),
        "number": COUNT,
        "total": COUNT,
        "summary": NUMBERS,
        "error": TEXT,
    },
    "additionalProperties": False,
}

SCAN_LINE: Schema = {
    "type": "object",
    "description": "A playing; or the scan's number; or how far it has come; or an error, which ends it.",
    "properties": PLAYING
    | {"source": OPTIONAL, "isrc": OPTIONAL, "mbid": OPTIONAL}
    | {"scan_id": ID, "step": COUNT, "steps": COUNT, "error": TEXT},
    "additionalProperties": False,
}

EMBEDDINGS: Schema = {
    "type": "object",
    "description": "A recording that an encoder of the catalogue has encoded elsewhere.",
    "properties": {
        "embeddings": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2048,
            "items": {
                "type": "array",
                "minItems": 64,
                "maxItems": 64,
                "items": {"type": "number", "minimum": -1000, "maximum": 1000},
            },
        },
        "offsets_s": {
            "type": "array",
            "description": "Where each fragment starts, in seconds, ascending.",
            "items": {"type": "number", "minimum": 0, "maximum": 1_000_000},
        },
        "duration_s": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1_000_000},
        "encoder": described(OPTIONAL, "The encoder that made them [the active one]."),
        "query": described(TEXT, "What to call the recording."),
    },
    "required": ["embeddings", "offsets_s"],
}

CHANGE: Schema = {
    "type": "object",
    "description": "What is to be changed; null, or an empty text, removes.",
    "properties": {
        "title": described(TEXT | {"minLength": 1}, "The only one that a song cannot be without."),
        **dict.fromkeys(("artist", "album", "collection", "isrc", "mbid"), OPTIONAL),
        "tags": {"type": "object", "additionalProperties": OPTIONAL},
    },
    "additionalProperties": False,
}

PROBLEM = record(
    {
        "type": described(TEXT, "Names the kind of problem, such as urn:songradar:problem:not-found."),
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": described(TEXT, "What is wrong, in a sentence."),
    }
)

SCHEMAS: dict[str, Schema] = {
    "Match": MATCH,
    "Answer": record(ANSWER, optional=("reason", "missing_shards")),
    "Embeddings": EMBEDDINGS,
    "FileForm": record({"file": {"type": "string", "format": "binary"}}),
    "Song": record(SONG),
    "SongAndUsage": record(SONG | USAGE),
    "SongChange": CHANGE,
    "Songs": page("songs", "Song"),
    "Path": record({"path": described(TEXT | {"minLength": 1, "maxLength": 4096}, "A file or folder on the server.")}),
    "Twin": record(TWIN),
    "PairLine": PAIR_LINE,
    "Outcome": OUTCOME,
    "KeptMatch": KEPT_MATCH,
    "Search": record(SEARCH),
    "Searches": page("searches", "Search"),
    "Scan": record(SCAN),
    "Scans": page("scans", "Scan", recordings_days=described(NUMBER, "For how many days recordings are kept.")),
    "ScanLine": SCAN_LINE,
    "Playing": record({"play_id": ID, "scan_id": ID} | PLAYING),
    "Plays": page("plays", "Playing"),
    "Insight": record(INSIGHT),
    "Encoder": record(ENCODER),
    "Encoders": record({"encoders": items("Encoder")}),
    "Status": record(STATUS, optional=("database", "songs_not_encoded")),
    "Health": record({"status": {"const": "ok"}, "version": TEXT}),
    "Session": record({"scope": {"enum": ["read", "write"]}}),
    "Problem": PROBLEM,
}
