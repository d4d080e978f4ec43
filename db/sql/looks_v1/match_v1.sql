-- match_v1: name the song that a recording is a piece of.
--
-- Arguments  encoder         songradar.encoders.id
--            query           embeddings of the recording's fragments, by that encoder
--            query_offset_s  where in the recording each of them starts, in seconds; as many as `query`
--            max_matches     rows wanted
--            exact           find neighbours without the index, among all fragments: what the index is measured by
--            songs, artist, collection  which songs may be the answer: those with these numbers, by this artist (in
--                            capital or small letters), in this collection; NULL for any. The others remain what the
--                            recording is compared with.
--            first_look      take the first look alone, whose answer then stands whatever it is: for who asks about
--                            many overlapping pieces of one recording
-- Result     one row a song, best first; no row for an empty catalogue, nor for a recording without fragments
--            offset_s     where in the song the recording's first sample lies; negative if it began before the song
--            score        mean similarity, 1 - d^2/2, of the query's fragments with the song where they lie
--            coverage     share of those looked up that had that place among their nearest neighbours in the whole
--                         catalogue
--            lead, peak   what it has beyond what strangers reach, as a mean and fragment by fragment; see rank_v1
--            n_fragments  query fragments compared
--            confidence   probability that this is the song
--            accepted     whether it comes first and its confidence reached the encoder's threshold
--            same_recording  whether it is the first song, or another file of the same recording
-- Raises     invalid_parameter_value for an encoder that is not there, arrays of unequal length, NULLs, and
--            max_matches below 1
--
-- Most recordings are easy. A first look costs a quarter of a thorough one and its answer stands if it is accepted with
-- a confidence of encoders.sure or more; else a thorough look is taken, whose answer stands whatever it is. Rows below
-- the first are then those of the first look, too: other files of the recording, and what came near. RAISE DEBUG says
-- which look answered. There is no first look where `exact` is asked for, where encoders.sure is NULL, or where the
-- encoder's fragments do not overlap.
--
-- Its steps are query_fragments_v1, nearest_fragments_v1, vote_v1, score_places_v1, align_v1, rank_v1, same_recording_v1,
-- strangers_v1, confidence_v1; each file explains itself. How many neighbours are looked for, and how many places are
-- scored, are columns of songradar.encoders, as its index's owner may tune them.
--
-- The settings hold for the call alone. There is no compilation, which takes longer than the search; one plan for all
-- arguments, as planning takes a quarter of a search; no sequential scan, whose cost the planner underrates, as it
-- counts the code of a fragment as one operation; and what set_reach_v1 sets.
CREATE FUNCTION songradar.match_v1(
    encoder integer,
    query halfvec[],
    query_offset_s real[],
    max_matches integer DEFAULT 5,
    exact boolean DEFAULT false,
    songs integer[] DEFAULT NULL,
    artist text DEFAULT NULL,
    collection text DEFAULT NULL,
    first_look boolean DEFAULT false
)
RETURNS SETOF songradar.match_row_v1
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET ivfflat.iterative_scan = off
SET ivfflat.probes = 1
AS $$
DECLARE
    chosen integer[];
    sure double precision;
    thorough boolean;
    answer songradar.match_row_v1[];
BEGIN
    SELECT CASE WHEN e.hop_s < e.fragment_s THEN e.sure END INTO sure
      FROM songradar.encoders AS e
     WHERE e.id = match_v1.encoder;
    IF NOT FOUND THEN
        RAISE invalid_parameter_value
        USING MESSAGE = format('match_v1: there is no encoder %s', coalesce(match_v1.encoder::text, 'NULL'));
    END IF;
    IF (cardinality(query) = cardinality(query_offset_s)) IS NOT TRUE THEN
        RAISE invalid_parameter_value
        USING MESSAGE = format('match_v1: %s embeddings but %s offsets',
                               coalesce(cardinality(query)::text, 'NULL instead of'),
                               coalesce(cardinality(query_offset_s)::text, 'NULL instead of'));
    END IF;
    IF EXISTS (SELECT FROM unnest(query, query_offset_s) AS part (embedding, offset_s)
                WHERE part.embedding IS NULL OR part.offset_s IS NULL
                   OR part.offset_s IN ('NaN', 'Infinity', '-Infinity')) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'match_v1: an embedding is NULL, or an offset is no number';
    END IF;
    IF (max_matches >= 1) IS NOT TRUE THEN
        RAISE invalid_parameter_value USING MESSAGE = 'match_v1: max_matches is at least 1';
    END IF;
    IF exact IS NULL OR first_look IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'match_v1: exact and first_look are true or false';
    END IF;
    chosen := songradar.chosen_songs_v1(songs, artist, collection);
    thorough := exact OR sure IS NULL;
    LOOP
        PERFORM songradar.set_reach_v1(encoder, chosen, thorough, cardinality(query));
        answer := ARRAY(
            SELECT m
              FROM songradar.match_inline_v1(encoder, query, query_offset_s, max_matches, exact, chosen, thorough) AS m
             ORDER BY m.rank);
        EXIT WHEN thorough OR match_v1.first_look OR (answer[1].accepted AND answer[1].confidence >= sure);
        thorough := true;
    END LOOP;
    RAISE DEBUG 'match_v1: the % look answered', CASE WHEN thorough THEN 'thorough' ELSE 'first' END;
    RETURN QUERY SELECT a.* FROM unnest(answer) AS a ORDER BY a.rank;
END
$$;
COMMENT ON FUNCTION songradar.match_v1 IS
    'Name the song that a recording, given as embeddings of its fragments, is a piece of.';
