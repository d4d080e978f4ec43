"""The first schema: songs, encoders, fragments, searches, matches; match_v1 and the views."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from songradar.migrations import frozen_sql

revision: str = "20261126_first"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


VIEWS = ("encoders_v1", "fragments_v1", "matches_v1")
TYPES = ("query_fragment_v1", "neighbour_v1", "place_v1", "alignment_v1", "evidence_v1", "match_row_v1")
FUNCTIONS = (
    "chosen_songs_v1",
    "timing_v1",
    "query_fragments_v1",
    "nearest_fragments_v1",
    "vote_v1",
    "score_places_v1",
    "similarity_between_v1",
    "align_v1",
    "strangers_v1",
    "weights_v1",
    "confidence_v1",
    "likeness_v1",
    "same_recording_v1",
    "rank_v1",
    "further_v1",
    "match_inline_v1",
    "set_reach_v1",
    "match_v1",
)
"""The functions behind match_v1, in the order of creation: those that others call come first."""

JSONB = postgresql.JSONB()
TIMESTAMP = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    create_encoders()
    create_songs()
    create_fragments()
    create_encodings()
    create_searches()
    create_matches()
    create_settings()
    op.execute(frozen_sql.read("match_v1/code_v1"))
    op.execute(frozen_sql.read("partition_v1/add_partition_v1"))
    for name in VIEWS:
        op.execute(frozen_sql.read(f"views_v1/{name}"))
    for name in ("types_v1", *FUNCTIONS):
        op.execute(frozen_sql.read(f"match_v1/{name}"))


def downgrade() -> None:
    """The extension stays: other applications in this database may use it."""
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION songradar.{name}")
    for name in reversed(TYPES):
        op.execute(f"DROP TYPE songradar.{name}")
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW songradar.{name}")
    op.execute("DROP FUNCTION songradar.add_partition_v1")
    for name in ("settings", "matches", "searches", "encodings", "fragments", "songs", "encoders"):
        op.drop_table(name, schema="songradar")
    op.execute("DROP FUNCTION songradar.code_v1")


def column(
    name: str,
    type_: TypeEngine[Any],
    comment: str,
    *items: SchemaItem,
    nullable: bool = False,
    default: str | None = None,
) -> sa.Column[Any]:
    """A column with its comment; `default` is an SQL expression."""
    server_default = None if default is None else sa.text(default)
    return sa.Column(name, type_, *items, nullable=nullable, server_default=server_default, comment=comment)


def seconds_of_spec(name: str, comment: str) -> sa.Column[Any]:
    """A column with a number from the encoder's spec."""
    number = sa.Computed(f"(spec -> '{name}')::double precision", persisted=True)
    return column(name, sa.DOUBLE_PRECISION(), comment, number)


def create_encoders() -> None:
    op.create_table(
        "encoders",
        column("id", sa.Integer(), "Number of the encoder.", sa.Identity(always=True)),
        column("name", sa.Text(), "Name used on the command line."),
        column("sha256", sa.LargeBinary(), "SHA-256 of onnx."),
        column(
            "kind",
            sa.Text(),
            "Recipe it was trained by.",
            sa.Computed("spec ->> 'kind'", persisted=True),
            nullable=True,
        ),
        column("spec", JSONB, "AudioSpec: sample rate, fragment length and hops; how to cut audio for this encoder."),
        column(
            "cohort",
            postgresql.ARRAY(HALFVEC(64), dimensions=2),
            "Embeddings of strangers, for catalogues of few songs: a row is consecutive fragments of a song.",
            nullable=True,
        ),
        column(
            "calibration",
            JSONB,
            "Weights that turn evidence into a probability, and the threshold; see match_v1.",
            nullable=True,
        ),
        column("metrics", JSONB, "What was measured when it was trained.", default="'{}'"),
        column("card", sa.Text(), "Model card: data, licences, limits.", default="''"),
        column("onnx", sa.LargeBinary(), "The network: waveform (n, samples) float32 to embedding (n, 64) float32."),
        seconds_of_spec("hop_s", "From one fragment of a song to the next, in seconds."),
        seconds_of_spec("query_hop_s", "From one fragment of a recording to the next, in seconds."),
        seconds_of_spec("fragment_s", "Length of a fragment in seconds."),
        column(
            "probes",
            sa.Integer(),
            "Lists of the index that a thorough look goes through: more find more and take longer. The first look"
            " takes a quarter of these four.",
            default="24",
        ),
        column(
            "looked_at",
            sa.Integer(),
            "Fragments with the nearest codes whose embeddings are compared, for each fragment of a recording.",
            default="200",
        ),
        column("neighbours", sa.Integer(), "Of these, the nearest that vote.", default="80"),
        column("candidates", sa.Integer(), "Places in songs that are scored in full; see vote_v1.", default="120"),
        column(
            "sure",
            sa.DOUBLE_PRECISION(),
            "Confidence from which on the first look's answer stands; NULL for a thorough look always.",
            nullable=True,
            default="0.99",
        ),
        column("active", sa.Boolean(), "Whether ingestion and search use it unless told otherwise.", default="false"),
        column("created_at", TIMESTAMP, "When it was added.", default="now()"),
        sa.CheckConstraint("jsonb_typeof(calibration) = 'object'", name=op.f("encoders_calibration_check")),
        sa.CheckConstraint("probes BETWEEN 1 AND 32768", name=op.f("encoders_probes_check")),
        sa.CheckConstraint("least(looked_at, neighbours, candidates) >= 1", name=op.f("encoders_reach_check")),
        sa.CheckConstraint("least(hop_s, query_hop_s, fragment_s) > 0", name=op.f("encoders_hops_check")),
        sa.CheckConstraint("jsonb_typeof(spec) = 'object' AND spec ? 'kind'", name=op.f("encoders_spec_check")),
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9_-]*$'", name=op.f("encoders_name_check")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("encoders_sha256_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("encoders_pkey")),
        sa.UniqueConstraint("name", name=op.f("encoders_name_key")),
        sa.UniqueConstraint("sha256", name=op.f("encoders_sha256_key")),
        schema="songradar",
        comment="A trained network; embeddings compare only within one encoder.",
    )
    op.create_index(
        "encoders_one_active_idx",
        "encoders",
        ["active"],
        unique=True,
        schema="songradar",
        postgresql_where=sa.text("active"),
    )


def create_songs() -> None:
    op.create_table(
        "songs",
        column("id", sa.Integer(), "Number of the song.", sa.Identity(always=True)),
        column("title", sa.Text(), "Title from the file's tags, else from its name."),
        column("artist", sa.Text(), "Artist from the tags or the file name; NULL if neither tells.", nullable=True),
        column("album", sa.Text(), "Album from the tags.", nullable=True),
        column("collection", sa.Text(), "Part of the catalogue it was ingested into.", nullable=True),
        column("duration_s", sa.DOUBLE_PRECISION(), "Length of the audio in seconds, as decoded."),
        column("source", sa.Text(), "Path of the file when it was last ingested."),
        column("host", sa.Text(), "Name of the machine that ingested it: the path is one of its own."),
        column("sha256", sa.LargeBinary(), "SHA-256 of the file: the same bytes are the same song."),
        column("size_bytes", sa.BigInteger(), "Size of the file; with modified_at tells it is unchanged."),
        column("modified_at", TIMESTAMP, "Modification time of the file when last ingested."),
        column("tags", JSONB, "Further identifiers: mbid (MusicBrainz recording), isrc.", default="'{}'"),
        column("added_at", TIMESTAMP, "When the song came in.", default="now()"),
        sa.CheckConstraint("jsonb_typeof(tags) = 'object'", name=op.f("songs_tags_check")),
        sa.CheckConstraint("title <> ''", name=op.f("songs_title_check")),
        sa.CheckConstraint("duration_s > 0", name=op.f("songs_duration_s_check")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("songs_sha256_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("songs_pkey")),
        sa.UniqueConstraint("sha256", name=op.f("songs_sha256_key")),
        schema="songradar",
        comment="One recording of the catalogue.",
    )
    op.create_index(op.f("songs_source_idx"), "songs", ["source"], schema="songradar", postgresql_using="hash")
    op.create_index(op.f("songs_collection_idx"), "songs", ["collection"], schema="songradar")


def create_fragments() -> None:
    op.create_table(
        "fragments",
        column("encoder_id", sa.Integer(), "Encoder that made the embedding."),
        column("song_id", sa.Integer(), "Song it was cut from."),
        column("position", sa.Integer(), "It starts at position * hop_s of the encoder's spec."),
        column("embedding", HALFVEC(64), "Embedding; fewer dimensions are padded with zeros. Compare with <->."),
        sa.CheckConstraint("position >= 0", name=op.f("fragments_position_check")),
        # No foreign key to encoders: only encoders have partitions, and checking the key would make a COPY take half as
        # long again.
        sa.ForeignKeyConstraint(
            ["song_id"], ["songradar.songs.id"], name=op.f("fragments_song_id_fkey"), ondelete="CASCADE"
        ),
        schema="songradar",
        comment="One window of a song and its embedding; a partition for each encoder.",
        postgresql_partition_by="LIST (encoder_id)",
    )
    # The 136 bytes of an embedding stay in the row, never compressed or moved to TOAST.
    op.execute("ALTER TABLE songradar.fragments ALTER COLUMN embedding SET STORAGE PLAIN")


def create_encodings() -> None:
    op.create_table(
        "encodings",
        column("encoder_id", sa.Integer(), "The encoder."),
        column("song_id", sa.Integer(), "The song."),
        column("n_fragments", sa.Integer(), "Fragments that are stored; those of silence are not."),
        column("encoded_at", TIMESTAMP, "When that was done.", default="now()"),
        sa.CheckConstraint("n_fragments >= 1", name=op.f("encodings_n_fragments_check")),
        sa.ForeignKeyConstraint(
            ["encoder_id"], ["songradar.encoders.id"], name=op.f("encodings_encoder_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["song_id"], ["songradar.songs.id"], name=op.f("encodings_song_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("song_id", "encoder_id", name=op.f("encodings_pkey")),
        schema="songradar",
        comment="Which songs are encoded by which encoder; ingestion writes it together with the fragments.",
    )
    op.create_index(op.f("encodings_encoder_id_idx"), "encodings", ["encoder_id"], schema="songradar")


def create_settings() -> None:
    op.create_table(
        "settings",
        column("one_row", sa.Boolean(), "True: there is one row.", default="true"),
        column(
            "kept_candidates", sa.Text(), "Which matches of a search are kept: all, accepted, none.", default="'all'"
        ),
        sa.CheckConstraint("one_row", name=op.f("settings_one_row_check")),
        sa.CheckConstraint(
            "kept_candidates IN ('all', 'accepted', 'none')", name=op.f("settings_kept_candidates_check")
        ),
        sa.PrimaryKeyConstraint("one_row", name=op.f("settings_pkey")),
        schema="songradar",
        comment="What the owner of the catalogue has decided for all who use it.",
    )
    op.execute("INSERT INTO songradar.settings DEFAULT VALUES")


def create_searches() -> None:
    op.create_table(
        "searches",
        column("id", sa.BigInteger(), "Number of the search.", sa.Identity(always=True)),
        column("query", sa.Text(), "The recording: a path, or what an application calls it."),
        column("duration_s", sa.DOUBLE_PRECISION(), "Its length in seconds."),
        column("encoder_id", sa.Integer(), "Encoder used; NULL once that was removed.", nullable=True),
        column("timings_ms", JSONB, "Milliseconds spent on decode, encode, search and in total.", default="'{}'"),
        column("searched_at", TIMESTAMP, "When it was asked.", default="now()"),
        sa.CheckConstraint("duration_s > 0", name=op.f("searches_duration_s_check")),
        sa.ForeignKeyConstraint(
            ["encoder_id"], ["songradar.encoders.id"], name=op.f("searches_encoder_id_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("searches_pkey")),
        schema="songradar",
        comment="One identification of a recording.",
    )
    op.create_index(op.f("searches_encoder_id_idx"), "searches", ["encoder_id"], schema="songradar")
    op.create_index(op.f("searches_searched_at_idx"), "searches", ["searched_at"], schema="songradar")


def create_matches() -> None:
    op.create_table(
        "matches",
        column("search_id", sa.BigInteger(), "The search."),
        column("rank", sa.SmallInteger(), "1 is the best candidate."),
        column("song_id", sa.Integer(), "The song it may be."),
        column("offset_s", sa.REAL(), "Where in the song the recording's first sample lies."),
        column("score", sa.REAL(), "Mean similarity, 1 - d^2/2, of the aligned fragments."),
        column("coverage", sa.REAL(), "Share of the aligned fragments that were among the nearest neighbours."),
        column("confidence", sa.REAL(), "Probability that this is the song, 0..1."),
        column("accepted", sa.Boolean(), "Whether it comes first and its confidence reached the encoder's threshold."),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("matches_confidence_check")),
        sa.CheckConstraint("coverage BETWEEN 0 AND 1", name=op.f("matches_coverage_check")),
        sa.CheckConstraint("rank >= 1", name=op.f("matches_rank_check")),
        sa.ForeignKeyConstraint(
            ["search_id"], ["songradar.searches.id"], name=op.f("matches_search_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["song_id"], ["songradar.songs.id"], name=op.f("matches_song_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_id", "rank", name=op.f("matches_pkey")),
        schema="songradar",
        comment="The candidates that a search brought, best first.",
    )
    op.create_index(op.f("matches_song_id_idx"), "matches", ["song_id"], schema="songradar")
