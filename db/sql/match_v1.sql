-- match_v1: name the song that a recording is a piece of.
--
-- Arguments  encoder         songradar.encoders.id
--            query           embeddings of the recording's fragments, by that encoder, halfvec(64) each
--            query_offset_s  where in the recording each of them starts, in seconds; as many as `query`
--            max_matches     rows wanted
--            neighbours      stored fragments that vote, for each query fragment
--            looked_at       fragments found by the index, for each query fragment, of which these are the nearest
--            candidates      places in songs that are scored by all fragments, as score_candidates counts them
--            exact           find neighbours without the index, among all fragments: what the index is measured by
--            songs           songs to look among; NULL for all
-- Result     one row a song, best first; no row for an empty catalogue.
--            offset_s     where in the song the recording's first sample lies; negative if it began before the song
--            score        mean similarity, 1 - d^2/2, of the query's fragments with the song where they lie
--            coverage     share of them that had that place among their nearest neighbours in the whole catalogue
--            margin       score less that of the best other song; NULL if there is none
--            n_fragments  query fragments compared
--            confidence   probability that this is the song
--            accepted     whether it comes first and its confidence reached the encoder's threshold
--
-- query_fragments, nearest_fragments and score_candidates are its steps; each explains itself.
--
-- The settings hold for the call alone: no compilation, which takes longer than the search; one plan for all arguments,
-- as planning takes a quarter of a search; no sequential scan, whose cost the planner underrates, as it counts the code
-- of a fragment as one operation; and those that set_reach makes.
CREATE FUNCTION songradar.match_v1(
    encoder integer,
    query halfvec[],
    query_offset_s real[],
    max_matches integer DEFAULT 5,
    neighbours integer DEFAULT 20,
    looked_at integer DEFAULT 100,
    candidates integer DEFAULT 40,
    exact boolean DEFAULT false,
    songs integer[] DEFAULT NULL
)
RETURNS SETOF songradar.match_row
LANGUAGE plpgsql STABLE
SET jit = off
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET ivfflat.iterative_scan = off
SET ivfflat.probes = 1
AS $$
BEGIN
    PERFORM songradar.set_reach(encoder, songs);
    RETURN QUERY
    SELECT m.*
      FROM songradar.match_inline(
           encoder, query, query_offset_s, max_matches, neighbours, looked_at, candidates, exact, songs
           ) AS m
     ORDER BY m.rank;
END
$$;
COMMENT ON FUNCTION songradar.match_v1 IS
    'Name the song that a recording, given as embeddings of its fragments, is a piece of.';
