-- twins_of_v1: which songs of the catalogue are the same recording as one that need not be stored itself.
--
-- Arguments  encoder        songradar.encoders.id
--            positions      of the song's fragments, in ascending order: each starts at position * hop_s
--            embeddings     of them, by that encoder; as many
--            min_overlap_s  how much both must have in common
--            probes         for how many of the fragments neighbours are looked for; they are evenly spread
--            song           songradar.songs.id of the song, which is no twin of itself; NULL if it is not stored
-- Result     one row for each twin
--            other_song_id  the twin
--            speed, shift_s the line on which both lie: time in the twin = speed * time in the song + shift_s
--            start_s, end_s what they have in common, as a stretch of the song
--            overlap_s      its length
--            similarity     of the two in it, 1 - d^2/2, on average
--            confidence     probability that they are the same recording; see twin_confidence_v1
-- Raises     invalid_parameter_value for an encoder that is not there, arrays of unequal length and NULLs;
--            feature_not_supported for an encoder whose fragments do not overlap, as rank_v1 knows no twins for it
--
-- Songs agree along a line where they are much nearer to each other than beside it, so two pieces that are alike at
-- every moment, as drones are, are no twins on that account. The similarity there tells copies from other takes.
--
-- The index is asked as by the first look of match_v1: fragments of twins are near, and where one is missed the next one
-- is found. The steps are twin_lines_v1, twin_fit_v1, twin_along_v1 and twin_stretches_v1. The settings are those of
-- match_v1.
CREATE FUNCTION songradar.twins_of_v1(
    encoder integer,
    positions integer[],
    embeddings halfvec[],
    min_overlap_s double precision DEFAULT 10,
    probes integer DEFAULT 60,
    song integer DEFAULT NULL
)
RETURNS TABLE (
    other_song_id integer, speed double precision, shift_s double precision, start_s double precision,
    end_s double precision, overlap_s double precision, similarity double precision, confidence double precision
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
    overlapping boolean;
BEGIN
    SELECT e.hop_s < e.fragment_s INTO overlapping FROM songradar.encoders AS e WHERE e.id = twins_of_v1.encoder;
    IF NOT FOUND THEN
        RAISE invalid_parameter_value
        USING MESSAGE = format('twins_of_v1: there is no encoder %s', coalesce(twins_of_v1.encoder::text, 'NULL'));
    END IF;
    IF NOT overlapping THEN
        RAISE feature_not_supported
        USING MESSAGE = format('twins_of_v1: the fragments of encoder %s do not overlap', twins_of_v1.encoder);
    END IF;
    IF (cardinality(positions) = cardinality(embeddings)) IS NOT TRUE
       OR array_position(positions, NULL) IS NOT NULL OR array_position(embeddings, NULL) IS NOT NULL THEN
        RAISE invalid_parameter_value
        USING MESSAGE = 'twins_of_v1: positions and embeddings are as many, and none is NULL';
    END IF;
    IF (min_overlap_s >= 0 AND probes >= 1) IS NOT TRUE THEN
        RAISE invalid_parameter_value USING MESSAGE = 'twins_of_v1: min_overlap_s is at least 0, probes at least 1';
    END IF;
    PERFORM songradar.set_reach_v1(encoder, NULL, false);
    RETURN QUERY
    SELECT t.* FROM songradar.twin_stretches_v1(encoder, song, positions, embeddings, min_overlap_s, probes) AS t;
END
$$;
COMMENT ON FUNCTION songradar.twins_of_v1 IS
    'Which songs of the catalogue are the same recording as one that need not be stored itself.';
