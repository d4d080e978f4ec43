"""Of a search, its name alone may be kept, and for a time."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from songradar.migrations import frozen_sql

revision: str = "20261128_keeping"
down_revision: str | None = "20261128_serves"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEPT, KEPT_BEFORE = (
    "What is kept of a search: all candidates, the accepted one, of that the names alone (names), or none.",
    "Which matches of a search are kept: all, accepted, none.",
)


def upgrade() -> None:
    op.add_column(
        "settings",
        sa.Column("kept_for", sa.Interval(), comment="How long searches are kept; NULL for ever."),
        schema="songradar",
    )
    op.create_check_constraint(
        op.f("settings_kept_for_check"), "settings", "kept_for > interval '0'", schema="songradar"
    )
    allow("'all', 'accepted', 'names', 'none'")
    op.alter_column("settings", "kept_candidates", comment=KEPT, existing_comment=KEPT_BEFORE, schema="songradar")
    for name in ("keep_search_v1", "forget_searches_v1"):
        op.execute(frozen_sql.read(f"keeping_v1/{name}"))
    op.execute(
        "CREATE TRIGGER searches_keep BEFORE INSERT ON songradar.searches"
        " FOR EACH ROW EXECUTE FUNCTION songradar.keep_search_v1()"
    )
    op.execute(
        "CREATE TRIGGER searches_forget AFTER INSERT ON songradar.searches"
        " FOR EACH STATEMENT EXECUTE FUNCTION songradar.forget_searches_v1()"
    )
    op.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA songradar FROM PUBLIC")
    op.execute(f"UPDATE songradar.settings SET serves = ARRAY['20261128_rows', '{down_revision}']")


def downgrade() -> None:
    """Where names alone were kept, nothing is kept: the older schema cannot keep less than a recording's path."""
    op.execute("DROP TRIGGER searches_forget ON songradar.searches")
    op.execute("DROP TRIGGER searches_keep ON songradar.searches")
    op.execute("DROP FUNCTION songradar.forget_searches_v1")
    op.execute("DROP FUNCTION songradar.keep_search_v1")
    op.execute("UPDATE songradar.settings SET kept_candidates = 'none' WHERE kept_candidates = 'names'")
    op.alter_column("settings", "kept_candidates", comment=KEPT_BEFORE, existing_comment=KEPT, schema="songradar")
    allow("'all', 'accepted', 'none'")
    op.drop_column("settings", "kept_for", schema="songradar")
    op.execute("UPDATE songradar.settings SET serves = ARRAY['20261128_rows']")


def allow(values: str) -> None:
    op.drop_constraint(op.f("settings_kept_candidates_check"), "settings", schema="songradar")
    op.create_check_constraint(
        op.f("settings_kept_candidates_check"), "settings", f"kept_candidates IN ({values})", schema="songradar"
    )
