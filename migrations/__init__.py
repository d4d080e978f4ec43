"""Alembic revisions: the only way the schema comes to be."""
