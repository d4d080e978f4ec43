-- add_partition_v1: give an encoder its partition of fragments, with its key and its index of codes.
--
-- Arguments  encoder  songradar.encoders.id
--
-- The partition is made as a table of its own and then attached, so that searches and ingestion go on; a constraint says
-- beforehand what the bound says afterwards, so that attaching need not read the rows. The foreign key to songs locks
-- these against writing for a moment. That lock is taken first: an ingestion writes songs before fragments, and would
-- else wait for us while we wait for it.
--
-- In the key song_id comes first, so that removing a song finds its fragments. Songs come in the order of their numbers,
-- so no page of the key needs room for entries between others.
--
-- What others may do with it, share_partition_v1 says.
--
-- The index begins with one list, until there is something to divide. Its operator class lies where pgvector does.
CREATE OR REPLACE FUNCTION songradar.add_partition_v1(encoder integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part CONSTANT text := format('fragments_%s', encoder);
    label CONSTANT text := (SELECT e.name FROM songradar.encoders AS e WHERE e.id = encoder);
    pgvector CONSTANT text := (SELECT x.extnamespace::regnamespace FROM pg_extension AS x WHERE x.extname = 'vector');
BEGIN
    LOCK TABLE songradar.songs IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE format(
        'CREATE TABLE songradar.%1$I (
             LIKE songradar.fragments INCLUDING ALL,
             PRIMARY KEY (song_id, position) WITH (fillfactor = 100),
             CONSTRAINT of_encoder CHECK (encoder_id = %2$s)
         )', part, encoder);
    EXECUTE format(
        'CREATE INDEX %1$I ON songradar.%2$I'
        ' USING ivfflat ((songradar.code_v1(embedding)::bit(192)) %3$s.bit_hamming_ops) WITH (lists = 1)',
        part || '_code_idx', part, pgvector);
    EXECUTE format('ALTER TABLE songradar.fragments ATTACH PARTITION songradar.%1$I FOR VALUES IN (%2$s)',
                   part, encoder);
    EXECUTE format('ALTER TABLE songradar.%1$I DROP CONSTRAINT of_encoder', part);
    EXECUTE format('COMMENT ON TABLE songradar.%1$I IS %2$L', part, format('Fragments of encoder %s.', label));
    PERFORM songradar.share_partition_v1(format('songradar.%I', part)::regclass);
END
$$;
