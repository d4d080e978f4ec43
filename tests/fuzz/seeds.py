"""What fuzzing begins with: a few inputs for each target that its parser takes."""

import io
import json
import tempfile
import zipfile
from importlib.resources import files
from pathlib import Path

import numpy as np

from songradar.archive import MANIFEST
from songradar.ml.package import CALIBRATION, SPEC
from tests import synth
from tests.fuzz.targets import MANIFEST_OF_SONGS, SUFFIXES

CODECS = {".mp3": "libmp3lame", ".ogg": "libopus", ".flac": "flac", ".m4a": "aac", ".opus": "libopus", ".wma": "wmav2"}
WEIGHTS = files("songradar.ml").joinpath("weights", "contrastive")
TAGS = {"title": "Amber", "artist": "The Trees", "album": "Leaves", "isrc": "DEA731800123"}

SONG = {
    "number": 1, "title": "Amber", "artist": "The Trees", "album": None, "collection": "wood", "isrc": "DEA731800123",
    "mbid": "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae", "tags": {"upc": "400"}, "edited": ["album"], "duration_s": 12.0,
    "source": "/music/amber.wav", "host": "here", "sha256": "00" * 32, "size_bytes": 1000,
    "modified_at": "2026-11-22T10:00:00+00:00", "n_fragments": 12,
}  # fmt: skip
LINE = json.dumps(SONG).encode() + b"\n"

OUTCOME = {
    "seconds": 5.0, "is_present": True, "is_right": True, "among": "all",
    "best": {"lead": 3.0, "peak": 2.0, "n_fragments": 13},
}  # fmt: skip


def tagged() -> list[bytes]:
    """A tenth of a second of sound in each format, with tags."""
    sound = synth.melody(np.random.default_rng(1), 0.1)
    with tempfile.TemporaryDirectory(prefix="songradar-fuzz-") as folder:
        made = [
            (
                SUFFIXES.index(suffix),
                synth.encode(Path(folder) / f"a{suffix}", sound, codec, metadata=TAGS).read_bytes(),
            )
            for suffix, codec in CODECS.items()
        ]
    return [bytes([number]) + data for number, data in made]


def array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros((1, 2, 64), np.float16))
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MANIFEST, json.dumps(MANIFEST_OF_SONGS))
    return file.getvalue()


def of_backup() -> bytes:
    stated = {
        "revision": "20261122",
        "postgresql": 180000,
        "pgvector_schema": "public",
        "build_memory": 1,
        "tables": {},
    }
    return json.dumps(stated).encode()


SEEDS = {
    "tags": tagged(),
    "names": [
        b"07. Kevin MacLeod - Vibe Ace.mp3",
        b"99_luftballons.mp3",
        b"A1 - Artist - Title.flac",
        "Ärzte - Übel".encode(),
    ],
    "spec": [WEIGHTS.joinpath(SPEC).read_bytes()],
    "calibration": [WEIGHTS.joinpath(CALIBRATION).read_bytes()],
    "cohort": [array()],
    "evaluation": [json.dumps({"encoders": {"toy": {"outcomes": [OUTCOME]}}}).encode()],
    "table": [b"song_id,title,isrc\n1,Amber,DEA731800123\n", b'song_id;tags\n1;"{""upc"": ""400""}"\n'],
    "song": [LINE],
    "archive": [json.dumps(MANIFEST_OF_SONGS).encode() + b"\0" + LINE, LINE, zipped()],
    "backup": [of_backup(), zipped()],
    "announcement": [b'{"song_id": 1, "change": "added"}'],
}
