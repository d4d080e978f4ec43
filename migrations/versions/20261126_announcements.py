"""Applications hear of songs and matches: NOTIFY songradar_songs and songradar_matches."""

from collections.abc import Sequence

from alembic import op

from songradar.migrations import frozen_sql

revision: str = "20261126_announcements"
down_revision: str | None = "20261126_first"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute(frozen_sql.read("announce_v1/announce_song_v1"))
    op.execute(frozen_sql.read("announce_v1/announce_matches_v1"))
    op.execute(
        "CREATE TRIGGER songs_announce AFTER INSERT OR UPDATE OR DELETE ON songradar.songs"
        " FOR EACH ROW EXECUTE FUNCTION songradar.announce_song_v1()"
    )
    op.execute(
        "CREATE TRIGGER matches_announce AFTER INSERT ON songradar.matches REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION songradar.announce_matches_v1()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER matches_announce ON songradar.matches")
    op.execute("DROP TRIGGER songs_announce ON songradar.songs")
    op.execute("DROP FUNCTION songradar.announce_matches_v1")
    op.execute("DROP FUNCTION songradar.announce_song_v1")
