-- shard_near_v1: what this shard has near a recording: the first thing that a proxy asks all shards.
--
-- Arguments  encoder, query, query_offset_s, exact, songs, artist, collection  as of match_v1; the query as text
--            thorough    see match_inline_v1
-- Result     offsets_s   where the fragments start that are used of the recording; the same on all shards
--            neighbours  stored fragments near them; the nearest of all shards are among the nearest of each
--            chosen      those of their songs that may be the answer; NULL for all
--            n_songs     see n_songs_v1
--
-- The settings are those of match_v1.
CREATE FUNCTION songradar.shard_near_v1(
    encoder integer,
    query text[],
    query_offset_s real[],
    exact boolean,
    songs integer[],
    artist text,
    collection text,
    thorough boolean
)
RETURNS TABLE (
    offsets_s double precision[], neighbours songradar.neighbour_v1[], chosen integer[], n_songs bigint
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET ivfflat.iterative_scan = off
SET ivfflat.probes = 1
AS $$
DECLARE
    may CONSTANT integer[] := songradar.chosen_songs_v1(songs, artist, collection);
    recording CONSTANT songradar.query_fragment_v1[] := songradar.recording_v1(encoder, query, query_offset_s);
BEGIN
    PERFORM songradar.set_reach_v1(encoder, may, thorough, cardinality(query));
    RETURN QUERY
    WITH near AS MATERIALIZED (
        SELECT n.* FROM songradar.neighbours_v1(encoder, recording, exact, may, thorough) AS n
    )
    SELECT ARRAY(SELECT f.offset_s FROM unnest(recording) AS f ORDER BY f.number),
           ARRAY(SELECT ROW(near.*)::songradar.neighbour_v1 FROM near),
           CASE WHEN may IS NOT NULL
                THEN ARRAY(SELECT DISTINCT near.song_id FROM near WHERE near.song_id IN (SELECT unnest(may))) END,
           songradar.n_songs_v1(encoder);
END
$$;
COMMENT ON FUNCTION songradar.shard_near_v1 IS 'What this shard has near a recording, for a proxy.';
