-- twins_of_first_v1: which of the leading songs are other files of the recording that the first one is, on any shard.
--
-- Arguments  shards  that are asked; NULL for all
--            encoder, query, query_offset_s  as of match_v1
--            songs   the leading songs, aligned
-- Result     numbers of songs
--
-- As same_recording_v1 does: of the songs that are no twins where they are aligned, the three best of all shards count.
CREATE FUNCTION songradar.twins_of_first_v1(
    shards integer[], encoder integer, query text[], query_offset_s real[], songs songradar.alignment_v1[]
)
RETURNS integer[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stretch record;
BEGIN
    IF NOT EXISTS (SELECT FROM unnest(songs) AS s
                    WHERE s.score > (SELECT max(f.score) FROM unnest(songs) AS f WHERE f.is_chosen) / 2
                   OFFSET 1) THEN
        RETURN '{}';
    END IF;
    SELECT s.* INTO stretch
      FROM songradar.ask_stretch_v1(shards, encoder, query, query_offset_s, songs) AS s
     ORDER BY cardinality(s.positions) DESC
     LIMIT 1;
    IF NOT FOUND THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT other.song_id
          FROM (SELECT o.*, row_number() OVER (PARTITION BY o.is_twin ORDER BY o.score DESC, o.song_id) AS standing
                  FROM (SELECT b.song_id, max(b.score) AS score, bool_or(b.is_twin) AS is_twin,
                               bool_or(b.has_place) AS has_place
                          FROM songradar.ask_beside_v1(
                               shards, encoder, query, query_offset_s, songs, stretch.positions, stretch.embeddings
                               ) AS b
                         GROUP BY b.song_id) AS o) AS other
         WHERE other.is_twin OR other.has_place AND other.standing <= 3);
END
$$;
COMMENT ON FUNCTION songradar.twins_of_first_v1 IS
    'Which of the leading songs are other files of the recording that the first one is, on any shard.';
