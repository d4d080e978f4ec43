-- partitions_v1: what PL/Proxy asks about a cluster: its shards, the version of that list, settings of connections.
--
-- PL/Proxy wants these three functions, in a schema of its name. A cluster is called `all`, or after the numbers of
-- some shards: `0,2`. PL/Proxy keeps connections for each name, and asks for the shards anew when the version rises.
--
-- It wants a power of two of partitions; two that are equal are one connection, so the list is filled up by
-- repetition. Its query_timeout is of no use here, as it is looked at only while some shard says something; what ends
-- the wait for one that does not is the caller's statement_timeout. These functions run as their owner, since
-- connection strings may hold passwords.
CREATE FUNCTION plproxy.get_cluster_version(cluster_name text) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT c.version FROM songradar.cluster AS c $$;

CREATE FUNCTION plproxy.get_cluster_partitions(cluster_name text) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
WITH shard AS MATERIALIZED (
    SELECT s.conninfo, row_number() OVER (ORDER BY s.number) - 1 AS place, count(*) OVER () AS n
      FROM songradar.shards AS s
     WHERE cluster_name = 'all' OR s.number::text = ANY (string_to_array(cluster_name, ','))
)
SELECT shard.conninfo
  FROM shard
 CROSS JOIN LATERAL generate_series(0, (2 ^ ceil(log(2, shard.n)))::integer - 1) AS part (number)
 WHERE part.number % shard.n = shard.place
 ORDER BY part.number
$$;

CREATE FUNCTION plproxy.get_cluster_config(cluster_name text, OUT key text, OUT val text) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ VALUES ('connection_lifetime', '3600') $$;

CREATE FUNCTION songradar.cluster_name_v1(shards integer[]) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN coalesce(array_to_string(cluster_name_v1.shards, ','), 'all');
COMMENT ON FUNCTION songradar.cluster_name_v1 IS 'What PL/Proxy calls these shards; NULL for all of them.';
