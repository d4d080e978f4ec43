-- shard_fit_v1: how well a recording fits the songs of this shard: the second thing that a proxy asks all shards.
--
-- Arguments  encoder, query, query_offset_s  as of match_v1; the query as text
--            neighbours   stored fragments near the recording's, of all shards; they give the coverage
--            places       where it may start, of all shards; those in songs of other shards are passed over
--            wanted       songs wanted, of the chosen and of the others
-- Result     song         how well the recording fits it
--            place_score  by which the leading songs of all shards are chosen; see score_places_v1
CREATE FUNCTION songradar.shard_fit_v1(
    encoder integer,
    query text[],
    query_offset_s real[],
    neighbours songradar.neighbour_v1[],
    places songradar.place_v1[],
    wanted integer
)
RETURNS TABLE (song songradar.alignment_v1, place_score double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    recording CONSTANT songradar.query_fragment_v1[] := songradar.recording_v1(encoder, query, query_offset_s);
    here CONSTANT songradar.place_v1[] := ARRAY(
        SELECT ROW(p.*)::songradar.place_v1
          FROM unnest(places) AS p
         WHERE EXISTS (SELECT FROM songradar.encodings AS e WHERE e.song_id = p.song_id AND e.encoder_id = encoder));
BEGIN
    RETURN QUERY
    WITH foremost AS MATERIALIZED (
        SELECT best.*
          FROM (SELECT b.*, row_number() OVER (PARTITION BY b.is_chosen ORDER BY b.score DESC, b.song_id) AS standing
                  FROM songradar.best_places_v1(encoder, recording, here) AS b) AS best
         WHERE best.standing <= wanted
    )
    SELECT ROW(a.*)::songradar.alignment_v1, foremost.score
      FROM (SELECT array_agg(ROW(l.song_id, l.start_s, l.is_chosen)::songradar.place_v1) AS places
              FROM foremost AS l) AS shortlist
     CROSS JOIN LATERAL songradar.align_v1(encoder, recording, neighbours, shortlist.places) AS a
      JOIN foremost ON foremost.song_id = a.song_id;
END
$$;
COMMENT ON FUNCTION songradar.shard_fit_v1 IS 'How well a recording fits the songs of this shard, for a proxy.';
