"""A schema says which older programs may still search in it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261128_serves"
down_revision: str | None = "20261128_rows"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "settings",
        sa.Column(
            "serves",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Older revisions of the schema whose programs may still search; each revision says it anew.",
        ),
        schema="songradar",
    )
    op.execute(f"UPDATE songradar.settings SET serves = ARRAY['{down_revision}']")


def downgrade() -> None:
    op.drop_column("settings", "serves", schema="songradar")
