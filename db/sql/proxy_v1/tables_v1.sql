-- tables_v1: what the proxy of several shards keeps itself, and what it reads of them.
--
-- songs, encodings and fragments hold nothing here: each shard adds a foreign table to each of them, so that a statement
-- about songs is about those of all shards. Numbers of songs are unique in the cluster. What was searched and scanned
-- is kept here, without foreign keys to songs, which live elsewhere.
--
-- This PostgreSQL has no pgvector. Its embeddings are text, in the form that pgvector writes and reads.
CREATE DOMAIN songradar.halfvec AS text;
COMMENT ON DOMAIN songradar.halfvec IS 'An embedding as pgvector writes it.';

CREATE TABLE songradar.cluster (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    version integer NOT NULL DEFAULT 1,
    patience_s integer NOT NULL DEFAULT 20 CHECK (patience_s >= 1)
);
INSERT INTO songradar.cluster DEFAULT VALUES;
COMMENT ON TABLE songradar.cluster IS 'The cluster of which this database is the proxy.';
COMMENT ON COLUMN songradar.cluster.version IS
    'Rises with each change of the shards, so that PL/Proxy asks for them anew.';
COMMENT ON COLUMN songradar.cluster.patience_s IS
    'Seconds that songradar waits for what shards are asked; then it tells which of them do not answer.';

CREATE TABLE songradar.shards (
    number smallint PRIMARY KEY CHECK (number BETWEEN 0 AND 63),
    url text NOT NULL UNIQUE,
    conninfo text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE songradar.shards IS 'Databases with a whole schema songradar each, which have the songs.';
COMMENT ON COLUMN songradar.shards.number IS
    'Number of the shard; numbers of its new songs leave this remainder divided by 64.';
COMMENT ON COLUMN songradar.shards.url IS 'Where it is.';
COMMENT ON COLUMN songradar.shards.conninfo IS 'The same as PL/Proxy takes it.';
COMMENT ON COLUMN songradar.shards.added_at IS 'When it was added.';

CREATE TABLE songradar.slots (
    slot smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 255),
    shard smallint NOT NULL REFERENCES songradar.shards,
    moving_from smallint REFERENCES songradar.shards
);
COMMENT ON TABLE songradar.slots IS 'Which shard has the songs whose SHA-256 begins with this byte.';
COMMENT ON COLUMN songradar.slots.slot IS 'The first byte of SHA-256.';
COMMENT ON COLUMN songradar.slots.shard IS 'The shard that gets new songs.';
COMMENT ON COLUMN songradar.slots.moving_from IS 'The shard that still has older ones; NULL when none does.';

CREATE TABLE songradar.encoders (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9_-]*$'),
    sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    kind text GENERATED ALWAYS AS (spec ->> 'kind') STORED,
    spec jsonb NOT NULL CHECK (jsonb_typeof(spec) = 'object' AND spec ? 'kind'),
    cohort text[],
    calibration jsonb CHECK (jsonb_typeof(calibration) = 'object'),
    metrics jsonb NOT NULL DEFAULT '{}',
    card text NOT NULL DEFAULT '',
    onnx bytea NOT NULL,
    hop_s double precision NOT NULL GENERATED ALWAYS AS ((spec -> 'hop_s')::double precision) STORED,
    query_hop_s double precision NOT NULL
        GENERATED ALWAYS AS ((spec -> 'query_hop_s')::double precision) STORED,
    fragment_s double precision NOT NULL GENERATED ALWAYS AS ((spec -> 'fragment_s')::double precision) STORED,
    probes integer NOT NULL DEFAULT 24 CHECK (probes BETWEEN 1 AND 32768),
    looked_at integer NOT NULL DEFAULT 200,
    neighbours integer NOT NULL DEFAULT 80,
    candidates integer NOT NULL DEFAULT 120,
    sure double precision DEFAULT 0.99,
    active boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (least(looked_at, neighbours, candidates) >= 1),
    CHECK (least(hop_s, query_hop_s, fragment_s) > 0)
);
CREATE UNIQUE INDEX encoders_one_active_idx ON songradar.encoders (active) WHERE active;
COMMENT ON TABLE songradar.encoders IS 'As on every shard, under the same numbers; what is changed here is changed there.';

CREATE TABLE songradar.songs (
    id integer NOT NULL,
    title text NOT NULL,
    artist text,
    album text,
    collection text,
    duration_s double precision NOT NULL,
    source text NOT NULL,
    host text NOT NULL,
    sha256 bytea NOT NULL,
    size_bytes bigint NOT NULL,
    modified_at timestamptz NOT NULL,
    tags jsonb NOT NULL,
    added_at timestamptz NOT NULL,
    isrc text,
    mbid uuid,
    edited text[] NOT NULL,
    CONSTRAINT songs_on_shards CHECK (false) NO INHERIT
);
COMMENT ON TABLE songradar.songs IS 'The songs of all shards.';

CREATE TABLE songradar.encodings (
    song_id integer NOT NULL,
    encoder_id integer NOT NULL,
    n_fragments integer NOT NULL,
    encoded_at timestamptz NOT NULL,
    CONSTRAINT encodings_on_shards CHECK (false) NO INHERIT
);
COMMENT ON TABLE songradar.encodings IS 'Which songs are encoded by which encoder, on all shards.';

CREATE TABLE songradar.fragments (
    encoder_id integer NOT NULL,
    song_id integer NOT NULL,
    "position" integer NOT NULL,
    embedding songradar.halfvec NOT NULL,
    CONSTRAINT fragments_on_shards CHECK (false) NO INHERIT
);
COMMENT ON TABLE songradar.fragments IS 'The fragments of all shards.';

CREATE TABLE songradar.searches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    query text NOT NULL,
    duration_s double precision NOT NULL CHECK (duration_s > 0),
    encoder_id integer REFERENCES songradar.encoders ON DELETE SET NULL,
    timings_ms jsonb NOT NULL DEFAULT '{}',
    searched_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON songradar.searches (encoder_id);
CREATE INDEX ON songradar.searches (searched_at);
COMMENT ON TABLE songradar.searches IS 'One identification of a recording.';

CREATE TABLE songradar.matches (
    search_id bigint NOT NULL REFERENCES songradar.searches ON DELETE CASCADE,
    rank smallint NOT NULL CHECK (rank >= 1),
    song_id integer NOT NULL,
    offset_s real NOT NULL,
    score real NOT NULL,
    coverage real NOT NULL CHECK (coverage BETWEEN 0 AND 1),
    confidence real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    accepted boolean NOT NULL,
    PRIMARY KEY (search_id, rank)
);
CREATE INDEX ON songradar.matches (song_id);
COMMENT ON TABLE songradar.matches IS 'The candidates that a search brought, best first.';

CREATE TABLE songradar.scans (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recording text NOT NULL,
    sha256 bytea CHECK (octet_length(sha256) = 32),
    began_at timestamptz,
    encoder_id integer REFERENCES songradar.encoders ON DELETE SET NULL,
    options jsonb NOT NULL DEFAULT '{}',
    scanned_at timestamptz NOT NULL DEFAULT now(),
    scanned_s double precision NOT NULL DEFAULT 0,
    duration_s double precision,
    finished_at timestamptz
);
CREATE INDEX ON songradar.scans (began_at);
COMMENT ON TABLE songradar.scans IS 'A long recording in which playings were looked for.';

CREATE TABLE songradar.plays (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scan_id bigint NOT NULL REFERENCES songradar.scans ON DELETE CASCADE,
    start_s double precision NOT NULL,
    end_s double precision NOT NULL CHECK (end_s >= start_s),
    song_id integer,
    title text,
    artist text,
    song_start_s double precision,
    song_end_s double precision,
    speed double precision,
    confidence double precision CHECK (confidence BETWEEN 0 AND 1),
    coverage double precision CHECK (coverage BETWEEN 0 AND 1),
    n_fragments integer NOT NULL
);
CREATE INDEX ON songradar.plays (scan_id);
CREATE INDEX ON songradar.plays (song_id);
COMMENT ON TABLE songradar.plays IS 'A song, or what is unknown, from one time of a recording to another.';

CREATE TABLE songradar.settings (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    kept_candidates text NOT NULL DEFAULT 'all' CHECK (kept_candidates IN ('all', 'accepted', 'names', 'none')),
    kept_for interval CHECK (kept_for > interval '0'),
    serves text[] NOT NULL DEFAULT '{}'
);
INSERT INTO songradar.settings DEFAULT VALUES;
COMMENT ON TABLE songradar.settings IS 'What the owner of the cluster has decided for all who use it.';
