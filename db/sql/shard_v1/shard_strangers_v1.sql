-- shard_strangers_v1: strangers_v1 for a proxy, which any shard can answer, as it depends on the encoder alone.
CREATE FUNCTION songradar.shard_strangers_v1(
    encoder integer, query text[], query_offset_s real[], n_songs bigint
)
RETURNS TABLE (score double precision, similarities double precision[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    recording CONSTANT songradar.query_fragment_v1[] := songradar.recording_v1(encoder, query, query_offset_s);
BEGIN
    RETURN QUERY SELECT s.* FROM songradar.strangers_v1(encoder, recording, n_songs) AS s;
END
$$;
COMMENT ON FUNCTION songradar.shard_strangers_v1 IS 'strangers_v1 for a proxy; any shard can answer.';
