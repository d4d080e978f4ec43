-- stretch_v1: ten seconds of the first of the leading songs, around the place that was found, or as much as is longer.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
--            songs      the leading songs, aligned
-- Result     positions, embeddings  where in the song its fragments lie, in hops, and what they are
--                                   no row where the song is not here, or where no other song can be its twin
CREATE FUNCTION songradar.stretch_v1(
    encoder integer, fragments songradar.query_fragment_v1[], songs songradar.alignment_v1[]
)
RETURNS TABLE (positions integer[], embeddings halfvec[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT array_agg(f.position ORDER BY f.position), array_agg(f.embedding ORDER BY f.position)
  FROM (SELECT s.*
          FROM unnest(stretch_v1.songs) AS s
         WHERE s.is_chosen
         ORDER BY s.score DESC, s.song_id
         LIMIT 1) AS first
 CROSS JOIN songradar.timing_v1(stretch_v1.encoder, stretch_v1.fragments) AS timing
 CROSS JOIN LATERAL (SELECT greatest(5, timing.last_s - timing.middle_s, 2 * timing.hop_s) AS half_s) AS compared
  JOIN songradar.fragments AS f
    ON f.encoder_id = stretch_v1.encoder AND f.song_id = first.song_id
   AND f.position BETWEEN (first.middle_start_s + timing.middle_s - compared.half_s) / timing.hop_s
                      AND (first.middle_start_s + timing.middle_s + compared.half_s) / timing.hop_s
 WHERE timing.overlapping
   AND EXISTS (SELECT FROM unnest(stretch_v1.songs) AS s
                WHERE s.song_id <> first.song_id AND s.score > first.score / 2)
HAVING count(*) > 0;
END;
COMMENT ON FUNCTION songradar.stretch_v1 IS
    'Ten seconds of the first of the leading songs, around the place that was found.';
