-- ask_fit_v1: how well a recording fits the songs of shards; see shard_fit_v1.
--
-- Arguments  shards  that are asked, at once; NULL for all. The others are those of the shard's function.
CREATE FUNCTION songradar.ask_fit_v1(
    shards integer[],
    encoder integer,
    query text[],
    query_offset_s real[],
    neighbours songradar.neighbour_v1[],
    places songradar.place_v1[],
    wanted integer,
    OUT song songradar.alignment_v1,
    OUT place_score double precision
)
RETURNS SETOF record
LANGUAGE plproxy
AS $$
    CLUSTER songradar.cluster_name_v1($1);
    RUN ON ALL;
    SELECT f.* FROM songradar.shard_fit_v1($2, $3, $4, $5, $6, $7) AS f;
$$;
COMMENT ON FUNCTION songradar.ask_fit_v1 IS
    'How well a recording fits the songs of shards; see shard_fit_v1.';
