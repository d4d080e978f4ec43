"""A farm of workers, who ingest songs on many machines."""
