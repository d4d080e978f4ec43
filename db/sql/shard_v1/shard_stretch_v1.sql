-- shard_stretch_v1: stretch_v1 with embeddings as text, for a proxy. The shard that has the first song answers.
CREATE FUNCTION songradar.shard_stretch_v1(
    encoder integer, query text[], query_offset_s real[], songs songradar.alignment_v1[]
)
RETURNS TABLE (positions integer[], embeddings text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    recording CONSTANT songradar.query_fragment_v1[] := songradar.recording_v1(encoder, query, query_offset_s);
BEGIN
    RETURN QUERY
    SELECT s.positions, s.embeddings::text[] FROM songradar.stretch_v1(encoder, recording, songs) AS s;
END
$$;
COMMENT ON FUNCTION songradar.shard_stretch_v1 IS 'stretch_v1 with embeddings as text, for a proxy.';
