"""A search in parts: what reads stored fragments, and what reckons with what those found, so that shards can answer."""

from collections.abc import Sequence

from alembic import op

from songradar.migrations import frozen_sql

revision: str = "20261129_parts"
down_revision: str | None = "20261129_farm"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

PARTS = ("n_songs_v1", "neighbours_v1", "reached_v1", "best_places_v1", "stretch_v1", "beside_v1", "judge_v1")
"""New functions, of which the old ones are made from now on."""

REPLACED = ("score_places_v1", "same_recording_v1", "rank_v1", "match_inline_v1")

SERVED = ("20261128_rows", "20261128_serves", "20261128_keeping", "20261129_looks")

OF_SHARDS = (
    "embeddings_v1",
    "recording_v1",
    "shard_encoder_v1",
    "shard_join_v1",
    "shard_near_v1",
    "shard_fit_v1",
    "shard_stretch_v1",
    "shard_beside_v1",
    "shard_strangers_v1",
)


def upgrade() -> None:
    for name in (*PARTS, *REPLACED):
        op.execute(frozen_sql.read(f"parts_v1/{name}"))
    for name in OF_SHARDS:
        op.execute(frozen_sql.read(f"shard_v1/{name}"))
    op.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA songradar FROM PUBLIC")
    op.execute(f"UPDATE songradar.settings SET serves = ARRAY[{', '.join(map(repr, SERVED))}, '{down_revision}']")


def downgrade() -> None:
    for name in reversed(OF_SHARDS):
        op.execute(f"DROP FUNCTION songradar.{name}")
    for name in REPLACED:
        op.execute(frozen_sql.read(f"match_v1/{name}", again=True))
    for name in reversed(PARTS):
        op.execute(f"DROP FUNCTION songradar.{name}")
    op.execute(f"UPDATE songradar.settings SET serves = ARRAY[{', '.join(map(repr, SERVED))}]")
