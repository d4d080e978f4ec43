"""Long recordings: scans, and what was played in them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from songradar.migrations import frozen_sql

revision: str = "20261126_scans"
down_revision: str | None = "20261126_identifiers"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

SECONDS = sa.DOUBLE_PRECISION
TIMESTAMP = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    create_scans()
    create_plays()
    op.execute(frozen_sql.read("scan_v1/follow_v1"))
    op.execute(frozen_sql.read("views_v1/plays_v1"))


def downgrade() -> None:
    op.execute("DROP VIEW songradar.plays_v1")
    op.execute("DROP FUNCTION songradar.follow_v1")
    op.drop_table("plays", schema="songradar")
    op.drop_table("scans", schema="songradar")


def create_scans() -> None:
    op.create_table(
        "scans",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), comment="Number of the scan."),
        sa.Column("recording", sa.Text(), nullable=False, comment="Path of the recording, or what it is called."),
        sa.Column("sha256", sa.LargeBinary(), comment="SHA-256 of the file; NULL for a stream."),
        sa.Column("began_at", TIMESTAMP, comment="When the recording began, by the wall clock, if that is known."),
        sa.Column(
            "encoder_id",
            sa.Integer(),
            sa.ForeignKey(
                "songradar.encoders.id", name=op.f("scans_encoder_id_fkey"), ondelete="SET NULL"
            ),
            comment="Encoder used; NULL once that was removed.",
        ),
        sa.Column(
            "options", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False, comment="What was asked for."
        ),
        sa.Column(
            "scanned_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False, comment="When it was begun."
        ),
        sa.Column(
            "scanned_s", SECONDS, server_default=sa.text("0"), nullable=False,
            comment="Up to where in the recording all playings are there.",
        ),
        sa.Column("duration_s", SECONDS, comment="Length of the recording in seconds; NULL until the scan has ended."),
        sa.Column("finished_at", TIMESTAMP, comment="When the scan came to the end; NULL if it has not."),
        sa.PrimaryKeyConstraint("id", name=op.f("scans_pkey")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("scans_sha256_check")),
        comment="A long recording in which playings were looked for.",
        schema="songradar",
    )  # fmt: skip
    op.create_index(op.f("scans_encoder_id_idx"), "scans", ["encoder_id"], schema="songradar")
    op.create_index(op.f("scans_began_at_idx"), "scans", ["began_at"], schema="songradar")


def create_plays() -> None:
    op.create_table(
        "plays",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), comment="Number of the playing."),
        sa.Column(
            "scan_id",
            sa.BigInteger(),
            sa.ForeignKey("songradar.scans.id", name=op.f("plays_scan_id_fkey"), ondelete="CASCADE"),
            nullable=False,
            comment="The scan.",
        ),
        sa.Column("start_s", SECONDS, nullable=False, comment="Where in the recording it begins, in seconds."),
        sa.Column("end_s", SECONDS, nullable=False, comment="Where in the recording it ends."),
        sa.Column(
            "song_id",
            sa.Integer(),
            sa.ForeignKey("songradar.songs.id", name=op.f("plays_song_id_fkey"), ondelete="SET NULL"),
            comment="The song; NULL if it is unknown, or was removed since.",
        ),
        sa.Column("title", sa.Text(), comment="The song's title at the time; NULL if it is unknown."),
        sa.Column("artist", sa.Text(), comment="The song's artist at the time."),
        sa.Column("song_start_s", SECONDS, comment="Where in the song it begins, in seconds."),
        sa.Column("song_end_s", SECONDS, comment="Where in the song it ends."),
        sa.Column("speed", SECONDS, comment="1.02 where the song is played 2 % faster."),
        sa.Column("confidence", SECONDS, comment="Probability that this is the song."),
        sa.Column("coverage", SECONDS, comment="Share of its fragments that are heard as the song."),
        sa.Column("n_fragments", sa.Integer(), nullable=False, comment="Fragments of the recording in it."),
        sa.PrimaryKeyConstraint("id", name=op.f("plays_pkey")),
        sa.CheckConstraint("end_s >= start_s", name=op.f("plays_times_check")),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("plays_confidence_check")),
        sa.CheckConstraint("coverage BETWEEN 0 AND 1", name=op.f("plays_coverage_check")),
        comment="A song, or what is unknown, from one time of a recording to another.",
        schema="songradar",
    )
    op.create_index(op.f("plays_scan_id_idx"), "plays", ["scan_id"], schema="songradar")
    op.create_index(op.f("plays_song_id_idx"), "plays", ["song_id"], schema="songradar")
