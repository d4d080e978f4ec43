"""The tables of a farm of workers: its files, and the queue of procrastinate, in a schema of its own.

Revisions run this, so it is frozen as their SQL is.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from songradar.migrations import frozen_sql

TIMESTAMP = postgresql.TIMESTAMP(timezone=True)

# Procrastinate's SQL names no schema: it is run with another search path, which then is again what it was.
INTO_THE_FARM = """
    SELECT set_config('songradar.before', current_setting('search_path'), true),
           set_config('search_path', 'songradar_farm, pg_catalog, pg_temp', true)
"""
BACK = "SELECT set_config('search_path', current_setting('songradar.before'), true)"

# So that its functions mean its own tables, whoever calls them, and nobody else's.
SEARCH_PATHS = """
    DO $paths$
    DECLARE
        name text;
    BEGIN
        FOR name IN SELECT p.oid::regprocedure::text
                      FROM pg_proc AS p
                     WHERE p.pronamespace = 'songradar_farm'::regnamespace
        LOOP
            EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, songradar_farm, pg_temp', name);
        END LOOP;
    END
    $paths$
"""


def create() -> None:
    """All of it."""
    create_files()
    op.execute(frozen_sql.read("farm_v1/farm_v1"))
    op.execute("DROP SCHEMA IF EXISTS songradar_farm CASCADE")  # of a catalogue whose own schema was dropped by hand
    op.execute("CREATE SCHEMA songradar_farm")
    op.execute("COMMENT ON SCHEMA songradar_farm IS 'The queue of songradar farm: tables of procrastinate.'")
    op.execute(INTO_THE_FARM)
    op.execute(frozen_sql.read("procrastinate_3_10/schema"))
    op.execute(SEARCH_PATHS)
    op.execute(BACK)
    op.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA songradar_farm FROM PUBLIC")


def drop() -> None:
    """What waits in the queue is forgotten."""
    op.execute("DROP SCHEMA songradar_farm CASCADE")
    op.execute("DROP VIEW songradar.farm_v1")
    op.drop_table("farm_files", schema="songradar")


def create_files() -> None:
    op.create_table(
        "farm_files",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), comment="Number of the file."),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="Path of the file where it was enqueued, or its address."
        ),
        sa.Column(
            "host", sa.Text(), nullable=False, comment="Name of the machine that has the path; empty for an address."
        ),
        sa.Column("job", sa.BigInteger(), comment="Number of the job that it belongs to."),
        sa.Column(
            "enqueued_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False, comment="When it was enqueued."
        ),
        sa.Column(
            "attempt", sa.Integer(), server_default=sa.text("0"), nullable=False,
            comment="Attempt at the job that took it last: no other writes its outcome.",
        ),
        sa.Column(
            "faults", sa.Integer(), server_default=sa.text("0"), nullable=False,
            comment="How often the network kept it from being read.",
        ),
        sa.Column("worker", sa.Text(), comment="Machine and process that has it, or had it last."),
        sa.Column("outcome", sa.Text(), comment="What became of it; NULL until it is done."),
        sa.Column("reason", sa.Text(), comment="Why it failed."),
        sa.Column("ended_at", TIMESTAMP, comment="When it was done, or failed."),
        sa.PrimaryKeyConstraint("id", name=op.f("farm_files_pkey")),
        sa.CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name=op.f("farm_files_ended_at_check")),
        comment="A file that was given to the farm, the last time that it was.",
        schema="songradar",
    )  # fmt: skip
    # Paths are longer than what a B-tree takes.
    op.create_index(
        "farm_files_source_idx", "farm_files", [sa.text("md5(source)"), "host"], unique=True, schema="songradar"
    )
    op.create_index(op.f("farm_files_job_idx"), "farm_files", ["job"], schema="songradar")
