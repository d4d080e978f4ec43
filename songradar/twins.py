"""Twins: two songs of a catalogue that are the same recording, or one that holds the other."""

from dataclasses import dataclass

import psycopg

from songradar.catalogue import LoadedEncoder
from songradar.db import twins
from songradar.db.errors import EncoderHasNoTwins
from songradar.db.store import NewSong
from songradar.db.twins import Twin
from songradar.ml.encoder import Fingerprint

MIN_OVERLAP_S = 10.0
"""Songs that have less in common share a sample or a jingle; that does not make them one recording."""

LEAST_CONFIDENCE = 0.8
"""As of a search, whose answer is not given below it."""

WHOLE = 0.9
"""A song is all in another if this share of it is; beginnings and ends are often silent, or faded."""

PROBES = 16
"""Fragments of a new song that neighbours are looked for, evenly spread: enough for one that is there as a whole."""


def has_twins(encoder: LoadedEncoder) -> bool:
    """Whether its fragments overlap, without which different recordings may be as similar as twins."""
    return encoder.network.spec.hop_s < encoder.network.spec.fragment_s


def check_has_twins(encoder: LoadedEncoder) -> None:
    """Raises EncoderHasNoTwins."""
    if not has_twins(encoder):
        raise EncoderHasNoTwins(
            f"encoder {encoder.name} cannot tell the same recording from a similar one: its fragments do not overlap"
        )


@dataclass(frozen=True)
class Twins:
    """The twins of a new song, that with most in common first; `whole` if that one has all of it."""

    found: tuple[Twin, ...] = ()
    whole: bool = False


def twins_of(connection: psycopg.Connection, encoder: LoadedEncoder, song: NewSong, fingerprint: Fingerprint) -> Twins:
    """The twins of a song that is about to be stored; none by an encoder that cannot tell."""
    if not has_twins(encoder):
        return Twins()
    found = twins.twins_of(
        connection,
        encoder.id,
        fingerprint.positions,
        fingerprint.embeddings,
        file=(song.sha256, song.source, song.host),
        probes=PROBES,
        min_overlap_s=MIN_OVERLAP_S,
        min_confidence=LEAST_CONFIDENCE,
    )
    return Twins(tuple(found), bool(found) and found[0].overlap_s >= WHOLE * fingerprint.duration_s)
