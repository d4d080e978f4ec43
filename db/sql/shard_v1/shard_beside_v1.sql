-- shard_beside_v1: beside_v1 with embeddings as text, for a proxy. Each shard answers of its own songs.
CREATE FUNCTION songradar.shard_beside_v1(
    encoder integer,
    query text[],
    query_offset_s real[],
    songs songradar.alignment_v1[],
    positions integer[],
    embeddings text[]
)
RETURNS TABLE (song_id integer, score double precision, is_twin boolean, has_place boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    recording CONSTANT songradar.query_fragment_v1[] := songradar.recording_v1(encoder, query, query_offset_s);
    stretch CONSTANT text[] := embeddings;
BEGIN
    RETURN QUERY
    SELECT b.*
      FROM songradar.beside_v1(encoder, recording, songs, positions, songradar.embeddings_v1(stretch)) AS b;
END
$$;
COMMENT ON FUNCTION songradar.shard_beside_v1 IS 'beside_v1 with embeddings as text, for a proxy.';
