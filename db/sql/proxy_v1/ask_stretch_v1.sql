-- ask_stretch_v1: a stretch of the first of the leading songs, from its shard; see stretch_v1.
--
-- Arguments  shards  that are asked, at once; NULL for all. The others are those of the shard's function.
CREATE FUNCTION songradar.ask_stretch_v1(
    shards integer[],
    encoder integer,
    query text[],
    query_offset_s real[],
    songs songradar.alignment_v1[],
    OUT positions integer[],
    OUT embeddings text[]
)
RETURNS SETOF record
LANGUAGE plproxy
AS $$
    CLUSTER songradar.cluster_name_v1($1);
    RUN ON ALL;
    SELECT s.* FROM songradar.shard_stretch_v1($2, $3, $4, $5) AS s;
$$;
COMMENT ON FUNCTION songradar.ask_stretch_v1 IS
    'A stretch of the first of the leading songs, from its shard; see stretch_v1.';
