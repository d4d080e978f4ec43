-- match_on_v1: match_v1 on some shards, so that an answer is to be had while others are down.
--
-- Arguments  shards  numbers of shards; NULL for all. The others are those of match_v1.
--
-- The songs of other shards are neither answers nor what the recording is compared with.
CREATE FUNCTION songradar.match_on_v1(
    shards integer[],
    encoder integer,
    query text[],
    query_offset_s real[],
    max_matches integer DEFAULT 5,
    exact boolean DEFAULT false,
    songs integer[] DEFAULT NULL,
    artist text DEFAULT NULL,
    collection text DEFAULT NULL,
    first_look boolean DEFAULT false
)
RETURNS SETOF songradar.match_row_v1
LANGUAGE plpgsql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    sure double precision;
    thorough boolean;
    answer songradar.match_row_v1[];
BEGIN
    SELECT CASE WHEN e.hop_s < e.fragment_s THEN e.sure END INTO sure
      FROM songradar.encoders AS e
     WHERE e.id = match_on_v1.encoder;
    IF NOT FOUND THEN
        RAISE invalid_parameter_value
        USING MESSAGE = format('match_v1: there is no encoder %s', coalesce(match_on_v1.encoder::text, 'NULL'));
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
    thorough := exact OR sure IS NULL;
    LOOP
        answer := ARRAY(
            SELECT m
              FROM songradar.match_look_v1(
                   shards, encoder, query, query_offset_s, max_matches, exact, songs, artist, collection, thorough) AS m
             ORDER BY m.rank);
        EXIT WHEN thorough OR match_on_v1.first_look OR (answer[1].accepted AND answer[1].confidence >= sure);
        thorough := true;
    END LOOP;
    RETURN QUERY SELECT a.* FROM unnest(answer) AS a ORDER BY a.rank;
END
$$;
COMMENT ON FUNCTION songradar.match_on_v1 IS 'match_v1 on some shards.';
