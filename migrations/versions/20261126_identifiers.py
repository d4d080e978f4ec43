"""Songs have ISRC, MusicBrainz recording and identifiers of your own, and may be edited by hand."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from songradar.migrations import frozen_sql

revision: str = "20261126_identifiers"
down_revision: str | None = "20261126_announcements"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TAGS, TAGS_BEFORE = (
    "Identifiers of your own, such as upc or a number in an archive.",
    "Further identifiers: mbid (MusicBrainz recording), isrc.",
)

# What files had in their tags was kept as it was; the columns take what has the form of an identifier.
FROM_TAGS = """
    UPDATE songradar.songs
       SET isrc = substring(upper(replace(tags ->> 'isrc', '-', '')) FROM '^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$'),
           mbid = substring(lower(tags ->> 'mbid') FROM '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$')::uuid,
           tags = tags - 'isrc' - 'mbid'
     WHERE tags ?| ARRAY['isrc', 'mbid']
"""
TO_TAGS = """
    UPDATE songradar.songs
       SET tags = tags || jsonb_strip_nulls(jsonb_build_object('isrc', isrc, 'mbid', mbid))
     WHERE num_nonnulls(isrc, mbid) > 0
"""


def upgrade() -> None:
    op.execute("DROP VIEW IF EXISTS songradar.songs_v1")  # older catalogues have one without these columns
    for column in (
        sa.Column("isrc", sa.Text(), comment="International Standard Recording Code, without hyphens."),
        sa.Column("mbid", postgresql.UUID(), comment="Number of the MusicBrainz recording."),
        sa.Column(
            "edited",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Columns set by hand, which the file's tags leave alone.",
        ),
    ):
        op.add_column("songs", column, schema="songradar")
    op.create_check_constraint(
        op.f("songs_isrc_check"), "songs", "isrc ~ '^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$'", schema="songradar"
    )
    op.create_check_constraint(
        op.f("songs_edited_check"),
        "songs",
        "edited <@ ARRAY['title', 'artist', 'album', 'isrc', 'mbid']",
        schema="songradar",
    )
    op.execute(FROM_TAGS)
    op.alter_column("songs", "tags", comment=TAGS, existing_comment=TAGS_BEFORE, schema="songradar")
    op.execute(frozen_sql.read("views_v1/songs_v1"))


def downgrade() -> None:
    op.execute("DROP VIEW songradar.songs_v1")
    op.execute(TO_TAGS)
    op.alter_column("songs", "tags", comment=TAGS_BEFORE, existing_comment=TAGS, schema="songradar")
    for name in ("edited", "mbid", "isrc"):
        op.drop_column("songs", name, schema="songradar")
