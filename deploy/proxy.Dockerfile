# The proxy of a cluster: PostgreSQL with PL/Proxy and postgres_fdw, and without pgvector, which its shards have.

FROM postgres:15-bookworm
RUN apt-get update && \
    apt-get install --yes --no-install-recommends postgresql-15-plproxy && \
    rm -rf /var/lib/apt/lists/*
