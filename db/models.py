r"""The tables. Alembic compares them with the database; the comments are what `\d+` shows in psql."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Interval,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB, OID, REAL, TIMESTAMP, UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING_CONVENTION = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}
"""The names that PostgreSQL itself would choose, made explicit so that migrations can drop constraints by name."""


class Base(DeclarativeBase):
    metadata = MetaData(schema="songradar", naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar = {
        str: Text,
        float: DOUBLE_PRECISION,
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB(none_as_null=True),
    }


class SongRow(Base):
    __tablename__ = "songs"
    __table_args__ = (
        CheckConstraint("title <> ''", name="title"),
        CheckConstraint("duration_s > 0", name="duration_s"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256"),
        CheckConstraint("jsonb_typeof(tags) = 'object'", name="tags"),
        CheckConstraint("isrc ~ '^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$'", name="isrc"),
        CheckConstraint("edited <@ ARRAY['title', 'artist', 'album', 'isrc', 'mbid']", name="edited"),
        Index(None, "source", postgresql_using="hash"),  # paths are longer than what a B-tree takes
        {"comment": "One recording of the catalogue."},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True, comment="Number of the song.")
    title: Mapped[str] = mapped_column(comment="Title from the file's tags, else from its name.")
    artist: Mapped[str | None] = mapped_column(comment="Artist from the tags or the file name; NULL if neither tells.")
    album: Mapped[str | None] = mapped_column(comment="Album from the tags.")
    collection: Mapped[str | None] = mapped_column(index=True, comment="Part of the catalogue it was ingested into.")
    duration_s: Mapped[float] = mapped_column(comment="Length of the audio in seconds, as decoded.")
    source: Mapped[str] = mapped_column(comment="Path of the file when it was last ingested.")
    host: Mapped[str] = mapped_column(comment="Name of the machine that ingested it: the path is one of its own.")
    sha256: Mapped[bytes] = mapped_column(
        LargeBinary, unique=True, comment="SHA-256 of the file: the same bytes are the same song."
    )
    size_bytes: Mapped[int] = mapped_column(
        BigInteger, comment="Size of the file; with modified_at tells it is unchanged."
    )
    modified_at: Mapped[datetime] = mapped_column(comment="Modification time of the file when last ingested.")
    tags: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'"), comment="Identifiers of your own, such as upc or a number in an archive."
    )
    added_at: Mapped[datetime] = mapped_column(server_default=text("now()"), comment="When the song came in.")
    isrc: Mapped[str | None] = mapped_column(comment="International Standard Recording Code, without hyphens.")
    mbid: Mapped[str | None] = mapped_column(UUID(as_uuid=False), comment="Number of the MusicBrainz recording.")
    edited: Mapped[list[str]] = mapped_column(
        ARRAY(Text), server_default=text("'{}'"), comment="Columns set by hand, which the file's tags leave alone."
    )


class EncoderRow(Base):
    __tablename__ = "encoders"
    __table_args__ = (
        CheckConstraint("name ~ '^[a-z0-9][a-z0-9_-]*$'", name="name"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256"),
        CheckConstraint("jsonb_typeof(spec) = 'object' AND spec ? 'kind'", name="spec"),
        CheckConstraint("jsonb_typeof(calibration) = 'object'", name="calibration"),
        CheckConstraint("probes BETWEEN 1 AND 32768", name="probes"),
        CheckConstraint("least(looked_at, neighbours, candidates) >= 1", name="reach"),
        CheckConstraint("least(hop_s, query_hop_s, fragment_s) > 0", name="hops"),
        Index(
            "encoders_one_active_idx",
            "active",
            unique=True,
            postgresql_where=text("active"),
        ),
        {"comment": "A trained network; embeddings compare only within one encoder."},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True, comment="Number of the encoder.")
    name: Mapped[str] = mapped_column(unique=True, comment="Name used on the command line.")
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True, comment="SHA-256 of onnx.")
    kind: Mapped[str] = mapped_column(
        Computed("spec ->> 'kind'", persisted=True), nullable=True, comment="Recipe it was trained by."
    )
    spec: Mapped[dict[str, Any]] = mapped_column(
        comment="AudioSpec: sample rate, fragment length and hops; how to cut audio for this encoder."
    )
    cohort: Mapped[list[list[Any]] | None] = mapped_column(
        ARRAY(HALFVEC(64), dimensions=2),
        comment="Embeddings of strangers, for catalogues of few songs: a row is consecutive fragments of a song.",
    )
    calibration: Mapped[dict[str, Any] | None] = mapped_column(
        comment="Weights that turn evidence into a probability, and the threshold; see match_v1."
    )
    metrics: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'"), comment="What was measured when it was trained."
    )
    card: Mapped[str] = mapped_column(server_default=text("''"), comment="Model card: data, licences, limits.")
    onnx: Mapped[bytes] = mapped_column(
        LargeBinary, comment="The network: waveform (n, samples) float32 to embedding (n, 64) float32."
    )
    hop_s: Mapped[float] = mapped_column(
        Computed("(spec -> 'hop_s')::double precision", persisted=True),
        comment="From one fragment of a song to the next, in seconds.",
    )
    query_hop_s: Mapped[float] = mapped_column(
        Computed("(spec -> 'query_hop_s')::double precision", persisted=True),
        comment="From one fragment of a recording to the next, in seconds.",
    )
    fragment_s: Mapped[float] = mapped_column(
        Computed("(spec -> 'fragment_s')::double precision", persisted=True), comment="Length of a fragment in seconds."
    )
    probes: Mapped[int] = mapped_column(
        server_default=text("24"),
        comment="Lists of the index that a thorough look goes through: more find more and take longer. The first look"
        " takes a quarter of these four.",
    )
    looked_at: Mapped[int] = mapped_column(
        server_default=text("200"),
        comment="Fragments with the nearest codes whose embeddings are compared, for each fragment of a recording.",
    )
    neighbours: Mapped[int] = mapped_column(server_default=text("80"), comment="Of these, the nearest that vote.")
    candidates: Mapped[int] = mapped_column(
        server_default=text("120"), comment="Places in songs that are scored in full; see vote_v1."
    )
    sure: Mapped[float | None] = mapped_column(
        server_default=text("0.99"),
        comment="Confidence from which on the first look's answer stands; NULL for a thorough look always.",
    )
    active: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="Whether ingestion and search use it unless told otherwise."
    )
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"), comment="When it was added.")


class FragmentRow(Base):
    __tablename__ = "fragments"
    __table_args__ = (
        CheckConstraint("position >= 0", name="position"),
        {
            "comment": "One window of a song and its embedding; a partition for each encoder.",
            "postgresql_partition_by": "LIST (encoder_id)",
        },
    )
    # Each partition has the primary key (song_id, position). The encoder, the same in all rows, would cost 8 bytes.
    __mapper_args__ = {"primary_key": ["encoder_id", "song_id", "position"]}  # noqa: RUF012

    # It needs no foreign key: a row can only be in a partition, and only encoders have one.
    encoder_id: Mapped[int] = mapped_column(comment="Encoder that made the embedding.")
    song_id: Mapped[int] = mapped_column(ForeignKey(SongRow.id, ondelete="CASCADE"), comment="Song it was cut from.")
    position: Mapped[int] = mapped_column(comment="It starts at position * hop_s of the encoder's spec.")
    embedding: Mapped[Any] = mapped_column(
        HALFVEC(64), nullable=False, comment="Embedding; fewer dimensions are padded with zeros. Compare with <->."
    )


class EncodingRow(Base):
    __tablename__ = "encodings"
    __table_args__ = (
        CheckConstraint("n_fragments >= 1", name="n_fragments"),
        {"comment": "Which songs are encoded by which encoder; ingestion writes it together with the fragments."},
    )

    song_id: Mapped[int] = mapped_column(
        ForeignKey(SongRow.id, ondelete="CASCADE"), primary_key=True, comment="The song."
    )
    encoder_id: Mapped[int] = mapped_column(
        ForeignKey(EncoderRow.id, ondelete="CASCADE"), primary_key=True, index=True, comment="The encoder."
    )
    n_fragments: Mapped[int] = mapped_column(comment="Fragments that are stored; those of silence are not.")
    encoded_at: Mapped[datetime] = mapped_column(server_default=text("now()"), comment="When that was done.")


class SearchRow(Base):
    __tablename__ = "searches"
    __table_args__ = (
        CheckConstraint("duration_s > 0", name="duration_s"),
        Index(None, "searched_at"),
        {"comment": "One identification of a recording."},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, Identity(always=True), primary_key=True, comment="Number of the search."
    )
    query: Mapped[str] = mapped_column(comment="The recording: a path, or what an application calls it.")
    duration_s: Mapped[float] = mapped_column(comment="Its length in seconds.")
    encoder_id: Mapped[int | None] = mapped_column(
        ForeignKey(EncoderRow.id, ondelete="SET NULL"), index=True, comment="Encoder used; NULL once that was removed."
    )
    timings_ms: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'"), comment="Milliseconds spent on decode, encode, search and in total."
    )
    searched_at: Mapped[datetime] = mapped_column(server_default=text("now()"), comment="When it was asked.")


class MatchRow(Base):
    __tablename__ = "matches"
    __table_args__ = (
        CheckConstraint("rank >= 1", name="rank"),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        CheckConstraint("coverage BETWEEN 0 AND 1", name="coverage"),
        {"comment": "The candidates that a search brought, best first."},
    )

    search_id: Mapped[int] = mapped_column(
        ForeignKey(SearchRow.id, ondelete="CASCADE"), primary_key=True, comment="The search."
    )
    rank: Mapped[int] = mapped_column(SmallInteger, primary_key=True, comment="1 is the best candidate.")
    song_id: Mapped[int] = mapped_column(
        ForeignKey(SongRow.id, ondelete="CASCADE"), index=True, comment="The song it may be."
    )
    offset_s: Mapped[float] = mapped_column(REAL, comment="Where in the song the recording's first sample lies.")
    score: Mapped[float] = mapped_column(REAL, comment="Mean similarity, 1 - d^2/2, of the aligned fragments.")
    coverage: Mapped[float] = mapped_column(
        REAL, comment="Share of the aligned fragments that were among the nearest neighbours."
    )
    confidence: Mapped[float] = mapped_column(REAL, comment="Probability that this is the song, 0..1.")
    accepted: Mapped[bool] = mapped_column(
        comment="Whether it comes first and its confidence reached the encoder's threshold."
    )


class ScanRow(Base):
    __tablename__ = "scans"
    __table_args__ = (
        CheckConstraint("octet_length(sha256) = 32", name="sha256"),
        {"comment": "A long recording in which playings were looked for."},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, comment="Number of the scan.")
    recording: Mapped[str] = mapped_column(comment="Path of the recording, or what it is called.")
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary, comment="SHA-256 of the file; NULL for a stream.")
    began_at: Mapped[datetime | None] = mapped_column(
        index=True, comment="When the recording began, by the wall clock, if that is known."
    )
    encoder_id: Mapped[int | None] = mapped_column(
        ForeignKey(EncoderRow.id, ondelete="SET NULL"), index=True, comment="Encoder used; NULL once that was removed."
    )
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), comment="What was asked for.")
    scanned_at: Mapped[datetime] = mapped_column(server_default=text("now()"), comment="When it was begun.")
    scanned_s: Mapped[float] = mapped_column(
        server_default=text("0"), comment="Up to where in the recording all playings are there."
    )
    duration_s: Mapped[float | None] = mapped_column(
        comment="Length of the recording in seconds; NULL until the scan has ended."
    )
    finished_at: Mapped[datetime | None] = mapped_column(comment="When the scan came to the end; NULL if it has not.")


class PlayRow(Base):
    __tablename__ = "plays"
    __table_args__ = (
        CheckConstraint("end_s >= start_s", name="times"),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        CheckConstraint("coverage BETWEEN 0 AND 1", name="coverage"),
        {"comment": "A song, or what is unknown, from one time of a recording to another."},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, Identity(always=True), primary_key=True, comment="Number of the playing."
    )
    scan_id: Mapped[int] = mapped_column(ForeignKey(ScanRow.id, ondelete="CASCADE"), index=True, comment="The scan.")
    start_s: Mapped[float] = mapped_column(comment="Where in the recording it begins, in seconds.")
    end_s: Mapped[float] = mapped_column(comment="Where in the recording it ends.")
    song_id: Mapped[int | None] = mapped_column(
        ForeignKey(SongRow.id, ondelete="SET NULL"), index=True,
        comment="The song; NULL if it is unknown, or was removed since.",
    )  # fmt: skip
    title: Mapped[str | None] = mapped_column(comment="The song's title at the time; NULL if it is unknown.")
    artist: Mapped[str | None] = mapped_column(comment="The song's artist at the time.")
    song_start_s: Mapped[float | None] = mapped_column(comment="Where in the song it begins, in seconds.")
    song_end_s: Mapped[float | None] = mapped_column(comment="Where in the song it ends.")
    speed: Mapped[float | None] = mapped_column(comment="1.02 where the song is played 2 % faster.")
    confidence: Mapped[float | None] = mapped_column(comment="Probability that this is the song.")
    coverage: Mapped[float | None] = mapped_column(comment="Share of its fragments that are heard as the song.")
    n_fragments: Mapped[int] = mapped_column(comment="Fragments of the recording in it.")


class FarmFileRow(Base):
    __tablename__ = "farm_files"
    __table_args__ = (
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended_at"),
        Index("farm_files_source_idx", text("md5(source)"), "host", unique=True),  # paths are longer than what it takes
        {"comment": "A file that was given to the farm, the last time that it was."},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, comment="Number of the file.")
    source: Mapped[str] = mapped_column(comment="Path of the file where it was enqueued, or its address.")
    host: Mapped[str] = mapped_column(comment="Name of the machine that has the path; empty for an address.")
    job: Mapped[int | None] = mapped_column(BigInteger, index=True, comment="Number of the job that it belongs to.")
    enqueued_at: Mapped[datetime] = mapped_column(server_default=text("now()"), comment="When it was enqueued.")
    attempt: Mapped[int] = mapped_column(
        server_default=text("0"),
        comment="Attempt at the job that took it last: no other writes its outcome.",
    )
    faults: Mapped[int] = mapped_column(
        server_default=text("0"), comment="How often the network kept it from being read."
    )
    worker: Mapped[str | None] = mapped_column(comment="Machine and process that has it, or had it last.")
    outcome: Mapped[str | None] = mapped_column(comment="What became of it; NULL until it is done.")
    reason: Mapped[str | None] = mapped_column(comment="Why it failed.")
    ended_at: Mapped[datetime | None] = mapped_column(comment="When it was done, or failed.")


class SettingsRow(Base):
    __tablename__ = "settings"
    __table_args__ = (
        CheckConstraint("one_row", name="one_row"),
        CheckConstraint("kept_candidates IN ('all', 'accepted', 'names', 'none')", name="kept_candidates"),
        CheckConstraint("kept_for > interval '0'", name="kept_for"),
        {"comment": "What the owner of the catalogue has decided for all who use it."},
    )

    one_row: Mapped[bool] = mapped_column(
        primary_key=True, server_default=text("true"), comment="True: there is one row."
    )
    kept_candidates: Mapped[str] = mapped_column(
        server_default=text("'all'"),
        comment="What is kept of a search: all candidates, the accepted one, of that the names alone (names), or none.",
    )
    kept_for: Mapped[timedelta | None] = mapped_column(Interval, comment="How long searches are kept; NULL for ever.")
    serves: Mapped[list[str]] = mapped_column(
        ARRAY(Text), server_default=text("'{}'"),
        comment="Older revisions of the schema whose programs may still search; each revision says it anew.",
    )  # fmt: skip


class ReaderRow(Base):
    __tablename__ = "readers"
    __table_args__ = (
        CheckConstraint("array_position(collections, NULL) IS NULL", name="collections"),
        {"comment": "Which songs each role sees that may read the catalogue; songradar db grant writes it."},
    )

    role: Mapped[int] = mapped_column(
        OID, primary_key=True, autoincrement=False, comment="Number of the role; 0 is PUBLIC."
    )
    collections: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), comment="Collections of which it sees the songs; NULL for all songs."
    )
