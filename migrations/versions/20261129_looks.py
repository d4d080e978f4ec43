"""match_v1 takes the first look alone, where it is asked to."""

from collections.abc import Sequence

from alembic import op

from songradar.migrations import frozen_sql

revision: str = "20261129_looks"
down_revision: str | None = "20261128_keeping"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    replace("looks_v1/match_v1")
    op.execute(f"UPDATE songradar.settings SET serves = ARRAY['20261128_rows', '20261128_serves', '{down_revision}']")


def downgrade() -> None:
    replace("match_v1/match_v1")
    op.execute("ALTER FUNCTION songradar.match_v1 SECURITY DEFINER")
    op.execute("UPDATE songradar.settings SET serves = ARRAY['20261128_rows', '20261128_serves']")


def replace(name: str) -> None:
    """Another form of match_v1, with the arguments of its own; default privileges say who may call it."""
    op.execute("DROP FUNCTION songradar.match_v1")
    op.execute(frozen_sql.read(name))
    op.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA songradar FROM PUBLIC")
