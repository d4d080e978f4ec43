"""Alembic revisions of a proxy: what a database has that stands before several shards."""
