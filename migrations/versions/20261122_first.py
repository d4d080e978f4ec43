"""The first schema: songs, encoders, fragments, searches, matches; match_v1 and the views."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql

from migrations import frozen_sql

revision: str = "20261122_first"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


VIEWS = ("songs_v1", "encoders_v1", "fragments_v1", "matches_v1")
FUNCTIONS = ("query_fragments", "nearest_fragments", "score_candidates", "match_inline", "set_reach", "match_v1")


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    create_encoders()
    create_songs()
    create_fragments()
    create_searches()
    create_matches()
    op.execute(frozen_sql.read("code"))  # for each partition's index, which comes and goes with it: see db.indexing
    for name in (*VIEWS, "match_row", *FUNCTIONS):
        op.execute(frozen_sql.read(name))


def downgrade() -> None:
    """The extension stays: other applications in this database may use it."""
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION songradar.{name}")
    op.execute("DROP TYPE songradar.match_row")
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW songradar.{name}")
    for name in ("matches", "searches", "fragments", "songs", "encoders"):
        op.drop_table(name, schema="songradar")
    op.execute("DROP FUNCTION songradar.code")


def create_encoders() -> None:
    op.create_table(
        "encoders",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Number of the encoder."),
        sa.Column("name", sa.Text(), nullable=False, comment="Name used on the command line."),
        sa.Column("sha256", sa.LargeBinary(), nullable=False, comment="SHA-256 of onnx."),
        sa.Column(
            "kind",
            sa.Text(),
            sa.Computed("spec ->> 'kind'", persisted=True),
            nullable=True,
            comment="Recipe it was trained by.",
        ),
        sa.Column(
            "spec",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="AudioSpec: sample rate, fragment length and hops; how to cut audio for this encoder.",
        ),
        sa.Column(
            "calibration",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Weights that turn evidence into a probability, and the threshold; see match_v1.",
        ),
        sa.Column(
            "metrics",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="What was measured when it was trained.",
        ),
        sa.Column(
            "card",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="Model card: data, licences, limits.",
        ),
        sa.Column(
            "onnx",
            sa.LargeBinary(),
            nullable=False,
            comment="The network: waveform (n, samples) float32 to embedding (n, 64) float32.",
        ),
        sa.Column(
            "probes",
            sa.Integer(),
            server_default=sa.text("12"),
            nullable=False,
            comment="Lists of the index that a search looks into: more find more and take longer.",
        ),
        sa.Column(
            "active",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether ingestion and search use it unless told otherwise.",
        ),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was added.",
        ),
        sa.CheckConstraint("jsonb_typeof(calibration) = 'object'", name=op.f("encoders_calibration_check")),
        sa.CheckConstraint("probes BETWEEN 1 AND 32768", name=op.f("encoders_probes_check")),
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
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Number of the song."),
        sa.Column("title", sa.Text(), nullable=False, comment="Title from the file's tags, else from its name."),
        sa.Column(
            "artist", sa.Text(), nullable=True, comment="Artist from the tags or the file name; NULL if neither tells."
        ),
        sa.Column("album", sa.Text(), nullable=True, comment="Album from the tags."),
        sa.Column("collection", sa.Text(), nullable=True, comment="Part of the catalogue it was ingested into."),
        sa.Column(
            "duration_s", sa.DOUBLE_PRECISION(), nullable=False, comment="Length of the audio in seconds, as decoded."
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="Path of the file when it was last ingested."),
        sa.Column(
            "host",
            sa.Text(),
            nullable=False,
            comment="Name of the machine that ingested it: the path is one of its own.",
        ),
        sa.Column(
            "sha256", sa.LargeBinary(), nullable=False, comment="SHA-256 of the file: the same bytes are the same song."
        ),
        sa.Column(
            "size_bytes",
            sa.BigInteger(),
            nullable=False,
            comment="Size of the file; with modified_at tells it is unchanged.",
        ),
        sa.Column(
            "modified_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=False,
            comment="Modification time of the file when last ingested.",
        ),
        sa.Column(
            "tags",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Further identifiers: mbid (MusicBrainz recording), isrc.",
        ),
        sa.Column(
            "added_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the song came in.",
        ),
        sa.CheckConstraint("jsonb_typeof(tags) = 'object'", name=op.f("songs_tags_check")),
        sa.CheckConstraint("title <> ''", name=op.f("songs_title_check")),
        sa.CheckConstraint("duration_s > 0", name=op.f("songs_duration_s_check")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("songs_sha256_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("songs_pkey")),
        sa.UniqueConstraint("sha256", name=op.f("songs_sha256_key")),
        schema="songradar",
        comment="One recording of the catalogue.",
    )
    op.create_index(op.f("songs_source_idx"), "songs", ["source"], schema="songradar")
    op.create_index(op.f("songs_collection_idx"), "songs", ["collection"], schema="songradar")


def create_fragments() -> None:
    op.create_table(
        "fragments",
        sa.Column("encoder_id", sa.Integer(), nullable=False, comment="Encoder that made the embedding."),
        sa.Column("song_id", sa.Integer(), nullable=False, comment="Song it was cut from."),
        sa.Column(
            "position", sa.Integer(), nullable=False, comment="It starts at position * hop_s of the encoder's spec."
        ),
        sa.Column(
            "embedding",
            HALFVEC(64),
            nullable=False,
            comment="Embedding; fewer dimensions are padded with zeros. Compare with <->.",
        ),
        sa.CheckConstraint("position >= 0", name=op.f("fragments_position_check")),
        sa.ForeignKeyConstraint(
            ["encoder_id"], ["songradar.encoders.id"], name=op.f("fragments_encoder_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["song_id"], ["songradar.songs.id"], name=op.f("fragments_song_id_fkey"), ondelete="CASCADE"
        ),
        schema="songradar",
        comment="One window of a song and its embedding; a partition for each encoder.",
        postgresql_partition_by="LIST (encoder_id)",
    )
    # 136 bytes stay in the row: never compressed, never moved to TOAST.
    op.execute("ALTER TABLE songradar.fragments ALTER COLUMN embedding SET STORAGE PLAIN")


def create_searches() -> None:
    op.create_table(
        "searches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Number of the search."),
        sa.Column(
            "query", sa.Text(), nullable=False, comment="The recording: a path, or what an application calls it."
        ),
        sa.Column("duration_s", sa.DOUBLE_PRECISION(), nullable=False, comment="Its length in seconds."),
        sa.Column("encoder_id", sa.Integer(), nullable=True, comment="Encoder used; NULL once that was removed."),
        sa.Column(
            "timings_ms",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Milliseconds spent on decode, encode, search and in total.",
        ),
        sa.Column(
            "searched_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was asked.",
        ),
        sa.CheckConstraint("duration_s > 0", name=op.f("searches_duration_s_check")),
        sa.ForeignKeyConstraint(
            ["encoder_id"], ["songradar.encoders.id"], name=op.f("searches_encoder_id_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("searches_pkey")),
        schema="songradar",
        comment="One identification of a recording.",
    )
    op.create_index(op.f("searches_encoder_id_idx"), "searches", ["encoder_id"], unique=False, schema="songradar")
    op.create_index(op.f("searches_searched_at_idx"), "searches", ["searched_at"], unique=False, schema="songradar")


def create_matches() -> None:
    op.create_table(
        "matches",
        sa.Column("search_id", sa.BigInteger(), nullable=False, comment="The search."),
        sa.Column("rank", sa.SmallInteger(), nullable=False, comment="1 is the best candidate."),
        sa.Column("song_id", sa.Integer(), nullable=False, comment="The song it may be."),
        sa.Column(
            "offset_s", sa.REAL(), nullable=False, comment="Where in the song the recording's first sample lies."
        ),
        sa.Column("score", sa.REAL(), nullable=False, comment="Mean similarity, 1 - d^2/2, of the aligned fragments."),
        sa.Column(
            "coverage",
            sa.REAL(),
            nullable=False,
            comment="Share of the aligned fragments that were among the nearest neighbours.",
        ),
        sa.Column("confidence", sa.REAL(), nullable=False, comment="Probability that this is the song, 0..1."),
        sa.Column(
            "accepted",
            sa.Boolean(),
            nullable=False,
            comment="Whether it comes first and its confidence reached the encoder's threshold.",
        ),
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
    op.create_index(op.f("matches_song_id_idx"), "matches", ["song_id"], unique=False, schema="songradar")
