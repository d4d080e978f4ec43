"""A farm of workers: the queue of procrastinate, in a schema of its own, and what became of each file."""

from collections.abc import Sequence

from alembic import op

from songradar.migrations import farm_tables

revision: str = "20261129_farm"
down_revision: str | None = "20261129_looks"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# Whoever could ingest may do so in the farm as well.
WRITERS = """
    DO $writers$
    DECLARE
        name text;
    BEGIN
        FOR name IN SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                      FROM pg_class AS c
                     CROSS JOIN aclexplode(c.relacl) AS a
                     WHERE c.oid = 'songradar.songs'::regclass AND a.privilege_type = 'INSERT'
                       AND a.grantee <> c.relowner
        LOOP
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON songradar.farm_files TO %s', name);
            EXECUTE format('GRANT USAGE ON SCHEMA songradar_farm TO %s', name);
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA songradar_farm TO %s', name);
            EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA songradar_farm TO %s', name);
            EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA songradar_farm TO %s', name);
        END LOOP;
    END
    $writers$
"""


def upgrade() -> None:
    farm_tables.create()
    # Who sees some collections alone does not see what others ingest.
    op.execute("ALTER TABLE songradar.farm_files ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY seen ON songradar.farm_files"
        " USING ((SELECT songradar.seen_collections_v1(current_user)) IS NULL)"
    )
    op.execute(WRITERS)
    op.execute(
        "UPDATE songradar.settings SET serves = "
        f"ARRAY['20261128_rows', '20261128_serves', '20261128_keeping', '{down_revision}']"
    )


def downgrade() -> None:
    farm_tables.drop()
    op.execute("UPDATE songradar.settings SET serves = ARRAY['20261128_rows', '20261128_serves', '20261128_keeping']")
