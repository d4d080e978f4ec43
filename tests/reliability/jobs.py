"""What songradar is doing when something is killed: commands, the states they begin in, and their songs."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from songradar import encoders
from songradar.catalogue import Catalogue, LoadedEncoder, add_package
from songradar.db import schema
from songradar.filler import store_made
from songradar.ingest import IngestOptions, ingest
from songradar.ml.audio import Wave
from songradar.ml.package import read_package
from songradar.transfer import export_songs
from tests import synth
from tests.db.rows import unit_vectors
from tests.reliability.audit import Asked
from tests.reliability.house import House
from tests.toy_encoder import SPEC, write_toy_encoder

N_SONGS, SONG_S = 12, 20.0
N_ASKED, ASKED_S = 50, 4.0
N_FILLER, FILLER_FRAGMENTS = 20, 1000
"""Songs of random embeddings, so that building the index takes long enough to be killed in."""

RATE_HZ = SPEC.sample_rate_hz
WEIGHTS = {"fragments": [1], "intercept": [-8.0], "lead": [40.0], "peak": [0.0], "threshold": [0.5]}
"""A calibration with which clean pieces of the songs are accepted, and nothing else is."""


@dataclass(frozen=True)
class Job:
    """A command, and the state in which it begins.

    `decodes` says whether it has decoding processes. `refused` is what the command answers when all is done already.
    """

    name: str
    state: str
    arguments: Sequence[str]
    decodes: bool = False
    refused: str | None = None


def jobs(house: House) -> list[Job]:
    """All of them; `prepare` makes their states."""
    kept, changing, out = house.songs / "kept", house.songs / "changing", house.written
    return [
        Job("ingest", "empty", ["ingest", str(kept)], decodes=True),
        Job("replace", "outdated", ["ingest", str(changing)], decodes=True),
        Job("encoders reencode", "two", ["encoders", "reencode", "other"], decodes=True),
        Job("encoders remove", "both", ["encoders", "remove", "other", "--yes"], refused="no encoder called"),
        Job("db reindex", "large", ["db", "reindex"]),
        Job("songs remove", "full", ["songs", "remove", *map(str, range(1, 7)), "--yes"], refused="no song number"),
        Job("scan", "full", ["scan", "--json", str(_mix(house))], decodes=True),
        Job("import", "empty", ["import", str(_exported(house))]),
        Job("export", "large", ["export", f"{out}/songs.songradar"], refused="is there already"),
        Job("db backup", "large", ["db", "backup", f"{out}/backup.songradar"], refused="is there already"),
        Job("db upgrade", "old", ["db", "upgrade"]),
    ]


def prepare(house: House, seed: int, states: Collection[str]) -> Asked:
    """Make the songs and these states; gives recordings of the songs as both encoders hear them."""
    rng = np.random.default_rng(seed)
    waves = _written(house.songs / "kept", rng)
    _make_empty(house)
    changed = _make_outdated(house, rng) if "outdated" in states else []
    with house.catalogue() as catalogue:
        _ingest_all(catalogue, house.songs / "kept")
        export_songs(catalogue, _exported(house))
    house.save("full")
    synth.write_wav(_mix(house), np.concatenate(waves), RATE_HZ)
    for state, (origin, make) in MADE.items():
        if state in states or (state == "two" and "both" in states):
            house.restore(origin)
            make(house)
            house.save(state)
    house.restore("two" if "two" in states or "both" in states else "full")
    with house.catalogue() as catalogue:
        loaded = [catalogue.encoder(one.name) for one in encoders.summaries(catalogue)]
        return _heard([*waves, *changed], loaded, rng)


def _make_empty(house: House) -> None:
    with house.catalogue() as catalogue:
        _add(catalogue, house, "toy", 0)
    house.save("empty")


def _make_outdated(house: House, rng: np.random.Generator) -> list[Wave]:
    """A catalogue of songs whose files have changed since; the songs in these files."""
    folder = house.songs / "changing"
    _written(folder, rng)
    with house.catalogue() as catalogue:
        _ingest_all(catalogue, folder)
    house.save("outdated")
    house.restore("empty")
    return _written(folder, rng)


def _make_large(house: House) -> None:
    places = np.arange(FILLER_FRAGMENTS, dtype=np.int32)
    with house.catalogue() as catalogue, catalogue.connection() as connection:
        for number in range(N_FILLER):
            embeddings = unit_vectors(FILLER_FRAGMENTS, number)
            store_made(connection, catalogue.encoder(), f"filler {number}", places, embeddings)


def _make_old(house: House) -> None:
    known = [revision for revision, _ in schema.history()]
    schema.downgrade(house.server, known[-2])


def _make_two(house: House) -> None:
    with house.catalogue() as catalogue:
        _add(catalogue, house, "other", 1)


def _make_both(house: House) -> None:
    with house.catalogue() as catalogue:
        list(encoders.reencode(catalogue, "other", workers=1))


MADE: dict[str, tuple[str, Callable[[House], None]]] = {
    "large": ("full", _make_large),
    "old": ("full", _make_old),
    "two": ("full", _make_two),
    "both": ("two", _make_both),
}
"""How states are made, each from another one."""


def _add(catalogue: Catalogue, house: House, name: str, seed: int) -> None:
    folder = write_toy_encoder(house.songs.parent / name, seed)
    add_package(catalogue, read_package(folder, name))
    encoders.recalibrate(catalogue, name, WEIGHTS)


def _ingest_all(catalogue: Catalogue, folder: Path) -> None:
    outcomes = [outcome.outcome for outcome in ingest(catalogue, folder, IngestOptions(workers=1))]
    assert outcomes == ["added"] * N_SONGS, outcomes


def _heard(waves: list[Wave], loaded: list[LoadedEncoder], rng: np.random.Generator) -> Asked:
    """Pieces of the songs, one after the other."""
    cuts = [
        synth.cut(waves[number % len(waves)], rng.uniform(0, SONG_S - ASKED_S), ASKED_S, RATE_HZ)
        for number in range(N_ASKED)
    ]
    return {one.name: [one.network.fingerprint_query(iter([cut])) for cut in cuts] for one in loaded}


def _written(folder: Path, rng: np.random.Generator) -> list[Wave]:
    """The songs in a folder, which are now others than before."""
    folder.mkdir(exist_ok=True)
    waves = [synth.melody(rng, SONG_S, RATE_HZ) for _ in range(N_SONGS)]
    for number, wave in enumerate(waves):
        synth.write_wav(folder / f"{folder.name} {number:02}.wav", wave, RATE_HZ)
    return waves


def _mix(house: House) -> Path:
    return house.songs.parent / "mix.wav"


def _exported(house: House) -> Path:
    return house.songs.parent / "exported.songradar"
