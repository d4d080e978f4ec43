-- ask_near_v1: what shards have near a recording; see shard_near_v1.
--
-- Arguments  shards  that are asked, at once; NULL for all. The others are those of the shard's function.
CREATE FUNCTION songradar.ask_near_v1(
    shards integer[],
    encoder integer,
    query text[],
    query_offset_s real[],
    exact boolean,
    songs integer[],
    artist text,
    collection text,
    thorough boolean,
    OUT offsets_s double precision[],
    OUT neighbours songradar.neighbour_v1[],
    OUT chosen integer[],
    OUT n_songs bigint
)
RETURNS SETOF record
LANGUAGE plproxy
AS $$
    CLUSTER songradar.cluster_name_v1($1);
    RUN ON ALL;
    SELECT n.* FROM songradar.shard_near_v1($2, $3, $4, $5, $6, $7, $8, $9) AS n;
$$;
COMMENT ON FUNCTION songradar.ask_near_v1 IS
    'What shards have near a recording; see shard_near_v1.';
