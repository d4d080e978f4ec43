"""Readers may be limited to some collections: row-level security."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from songradar.migrations import frozen_sql

revision: str = "20261128_rows"
down_revision: str | None = "20261127_twins"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

VIEWS = ("songs_v1", "encoders_v1", "fragments_v1", "matches_v1", "plays_v1")

# Each is in parentheses with a SELECT, so that PostgreSQL asks once a statement, and not for each row.
SEEN = "(SELECT songradar.seen_collections_v1(current_user))"

OF_A_SONG = "EXISTS (SELECT FROM songradar.songs AS s WHERE s.id = song_id)"

LIMITS = {
    "songs": f"collection = ANY ({SEEN}::text[])",
    "fragments": OF_A_SONG,
    "encodings": OF_A_SONG,
    "plays": OF_A_SONG,
    "scans": "EXISTS (SELECT FROM songradar.plays AS p WHERE p.scan_id = scans.id)",
    "matches": f"accepted AND {OF_A_SONG}",
    "searches": "EXISTS (SELECT FROM songradar.matches AS m WHERE m.search_id = searches.id)",
}
"""What a reader of some collections sees of each table.

Of what was searched and scanned, that is where one of their songs was named. The tables that a limit looks into are
themselves limited.
"""

# Who could read everything goes on doing so.
READERS = """
    INSERT INTO songradar.readers (role)
    SELECT DISTINCT a.grantee
      FROM pg_class AS c
     CROSS JOIN aclexplode(c.relacl) AS a
     WHERE c.oid = 'songradar.songs'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
"""
PARTITIONS = """
    SELECT songradar.share_partition_v1(inhrelid) FROM pg_inherits WHERE inhparent = 'songradar.fragments'::regclass
"""

# Without policies, readers of some collections would read everything: they lose all rights instead.
REVOKE_LIMITED = """
    DO $revoke$
    DECLARE
        name text;
    BEGIN
        FOR name IN SELECT CASE r.role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(a.rolname) END
                      FROM songradar.readers AS r
                      LEFT JOIN pg_roles AS a ON a.oid = r.role
                     WHERE r.collections IS NOT NULL AND (r.role = 0 OR a.oid IS NOT NULL)
        LOOP
            EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA songradar REVOKE ALL ON FUNCTIONS FROM %s', name);
            EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA songradar REVOKE ALL ON TABLES FROM %s', name);
            EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA songradar FROM %s', name);
            EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA songradar FROM %s', name);
            EXECUTE format('REVOKE ALL ON SCHEMA songradar FROM %s', name);
        END LOOP;
    END
    $revoke$
"""


def upgrade() -> None:
    op.create_table(
        "readers",
        sa.Column(
            "role", postgresql.OID(), autoincrement=False, nullable=False, comment="Number of the role; 0 is PUBLIC."
        ),
        sa.Column(
            "collections",
            postgresql.ARRAY(sa.Text()),
            comment="Collections of which it sees the songs; NULL for all songs.",
        ),
        sa.PrimaryKeyConstraint("role", name=op.f("readers_pkey")),
        sa.CheckConstraint("array_position(collections, NULL) IS NULL", name=op.f("readers_collections_check")),
        schema="songradar",
        comment="Which songs each role sees that may read the catalogue; songradar db grant writes it.",
    )
    op.execute(READERS)
    for name in ("seen_collections_v1", "chosen_songs_v1", "share_partition_v1", "add_partition_v1"):
        op.execute(frozen_sql.read(f"rows_v1/{name}"))
    op.execute("ALTER TABLE songradar.readers ENABLE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY seen ON songradar.readers FOR SELECT USING (role = 0 OR pg_has_role(role, 'USAGE'))")
    for table, limit in LIMITS.items():
        op.execute(f"ALTER TABLE songradar.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY seen ON songradar.{table} USING ({SEEN} IS NULL OR {limit})")
    for view in VIEWS:
        op.execute(f"ALTER VIEW songradar.{view} SET (security_invoker = true)")
    op.execute("ALTER FUNCTION songradar.match_v1 SECURITY DEFINER")
    op.execute(PARTITIONS)
    op.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA songradar FROM PUBLIC")


def downgrade() -> None:
    op.execute(REVOKE_LIMITED)
    op.execute("ALTER FUNCTION songradar.match_v1 SECURITY INVOKER")
    for view in VIEWS:
        op.execute(f"ALTER VIEW songradar.{view} RESET (security_invoker)")
    for table in LIMITS:
        op.execute(f"DROP POLICY seen ON songradar.{table}")
        op.execute(f"ALTER TABLE songradar.{table} DISABLE ROW LEVEL SECURITY")
    op.execute(frozen_sql.read("partition_v1/add_partition_v1", again=True))
    op.execute(frozen_sql.read("match_v1/chosen_songs_v1", again=True))
    op.execute("DROP FUNCTION songradar.share_partition_v1")
    op.execute("DROP FUNCTION songradar.seen_collections_v1")
    op.drop_table("readers", schema="songradar")
