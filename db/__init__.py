"""Rows and SQL: the catalogue in PostgreSQL. Knows nothing of audio."""
