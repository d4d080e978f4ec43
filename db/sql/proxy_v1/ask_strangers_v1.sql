-- ask_strangers_v1: what strangers reach, from any shard; see strangers_v1.
--
-- Arguments  shards  that are asked, at once; NULL for all. The others are those of the shard's function.
CREATE FUNCTION songradar.ask_strangers_v1(
    shards integer[],
    encoder integer,
    query text[],
    query_offset_s real[],
    n_songs bigint,
    OUT score double precision,
    OUT similarities double precision[]
)
RETURNS SETOF record
LANGUAGE plproxy
AS $$
    CLUSTER songradar.cluster_name_v1($1);
    RUN ON ANY;
    SELECT s.* FROM songradar.shard_strangers_v1($2, $3, $4, $5) AS s;
$$;
COMMENT ON FUNCTION songradar.ask_strangers_v1 IS
    'What strangers reach, from any shard; see strangers_v1.';
