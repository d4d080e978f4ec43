-- ping_v1: whether shards answer: an error where one of them does not.
--
-- Arguments  shards  that are asked, at once; NULL for all. The others are those of the shard's function.
CREATE FUNCTION songradar.ping_v1(
    shards integer[],
    OUT one integer
)
RETURNS SETOF integer
LANGUAGE plproxy
AS $$
    CLUSTER songradar.cluster_name_v1($1);
    RUN ON ALL;
    SELECT 1;
$$;
COMMENT ON FUNCTION songradar.ping_v1 IS
    'Whether shards answer: an error where one of them does not.';
