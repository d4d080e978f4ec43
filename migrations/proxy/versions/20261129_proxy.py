"""The first schema of a proxy: what it keeps, what it reads of shards, and match_v1 over all of them."""

from collections.abc import Sequence

from alembic import op

from songradar.migrations import farm_tables, frozen_sql

revision: str = "20261129_proxy"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

VIEWS = ("songs_v1", "encoders_v1", "fragments_v1", "matches_v1", "plays_v1")
SHARED = ("match_v1/types_v1", "match_v1/timing_v1", "match_v1/vote_v1", "match_v1/weights_v1",
          "match_v1/confidence_v1", "parts_v1/reached_v1", "parts_v1/judge_v1")  # fmt: skip
"""Of a search in one database, what reckons with evidence alone: the same files."""

OF_PROXY = (
    "partitions_v1", "share_encoder_v1", "ask_near_v1", "ask_fit_v1", "ask_stretch_v1", "ask_beside_v1",
    "ask_strangers_v1", "nearest_of_all_v1", "twins_of_first_v1", "match_look_v1", "match_on_v1", "match_v1",
    "ask_songs_v1", "match_songs_v1", "ping_v1", "answering_v1", "follow_v1",
    "forget_song_v1",
)  # fmt: skip


def upgrade() -> None:
    op.execute("CREATE SCHEMA plproxy")
    op.execute("CREATE EXTENSION IF NOT EXISTS postgres_fdw SCHEMA public")
    op.execute(frozen_sql.read("proxy_v1/tables_v1"))
    for name in VIEWS:
        op.execute(frozen_sql.read(f"views_v1/{name}"))
    for name in SHARED:
        op.execute(frozen_sql.read(name))
    for name in OF_PROXY:
        op.execute(frozen_sql.read(f"proxy_v1/{name}"))
    for name in ("keeping_v1/keep_search_v1", "keeping_v1/forget_searches_v1", "announce_v1/announce_song_v1",
                 "announce_v1/announce_matches_v1"):  # fmt: skip
        op.execute(frozen_sql.read(name))
    op.execute(
        "CREATE TRIGGER matches_announce AFTER INSERT ON songradar.matches REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION songradar.announce_matches_v1()"
    )
    op.execute(
        "CREATE TRIGGER searches_keep BEFORE INSERT ON songradar.searches"
        " FOR EACH ROW EXECUTE FUNCTION songradar.keep_search_v1()"
    )
    op.execute(
        "CREATE TRIGGER searches_forget AFTER INSERT ON songradar.searches"
        " FOR EACH STATEMENT EXECUTE FUNCTION songradar.forget_searches_v1()"
    )
    farm_tables.create()
    op.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA songradar, plproxy FROM PUBLIC")


def downgrade() -> None:
    """There is nothing to go back to: DROP SCHEMA songradar, plproxy CASCADE removes a proxy, and its shards stay."""
    raise NotImplementedError
