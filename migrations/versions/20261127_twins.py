"""Twins: which songs are the same recording."""

from collections.abc import Sequence

from alembic import op

from songradar.migrations import frozen_sql

revision: str = "20261127_twins"
down_revision: str | None = "20261126_scans"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

FUNCTIONS = (
    "twin_confidence_v1",
    "twin_lines_v1",
    "twin_along_v1",
    "twin_fit_v1",
    "twin_stretches_v1",
    "twins_of_v1",
    "twins_v1",
)
"""In the order of creation: those that others call come first."""


def upgrade() -> None:
    for name in FUNCTIONS:
        op.execute(frozen_sql.read(f"twins_v1/{name}"))


def downgrade() -> None:
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION songradar.{name}")
