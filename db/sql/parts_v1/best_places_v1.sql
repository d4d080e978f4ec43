-- best_places_v1: the best of the places in each song, and its score.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
--            places     where the recording may start
--
-- A place is scored over all fragments of the recording, each compared with the nearer of the two stored fragments that
-- it lies between. Where stored fragments do not overlap, only those count that line up with one.
CREATE FUNCTION songradar.best_places_v1(
    encoder integer, fragments songradar.query_fragment_v1[], places songradar.place_v1[]
)
RETURNS TABLE (song_id integer, start_s double precision, is_chosen boolean, score double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH timing AS MATERIALIZED (
    SELECT t.* FROM songradar.timing_v1(best_places_v1.encoder, best_places_v1.fragments) AS t
), part AS MATERIALIZED (
    SELECT f.offset_s, f.embedding FROM unnest(best_places_v1.fragments) AS f
), place AS MATERIALIZED (
    SELECT p.id, p.song_id, p.start_s, p.is_chosen
      FROM unnest(best_places_v1.places) WITH ORDINALITY AS p (song_id, start_s, is_chosen, id)
), stored AS MATERIALIZED (
    SELECT stretch.id, f.position, f.embedding
      FROM (SELECT place.id, place.song_id,
                   floor((place.start_s + timing.first_s) / timing.hop_s)::integer - 1 AS first,
                   ceil((place.start_s + timing.last_s) / timing.hop_s)::integer + 1 AS last
              FROM place
             CROSS JOIN timing) AS stretch
      JOIN songradar.fragments AS f
        ON f.encoder_id = best_places_v1.encoder AND f.song_id = stretch.song_id
       AND f.position BETWEEN stretch.first AND stretch.last
), scored AS (
    SELECT place.id, place.song_id, place.is_chosen, place.start_s,
           avg(coalesce(1 - least(halfvec_l2_squared_distance(before.embedding, part.embedding),
                                  halfvec_l2_squared_distance(after.embedding, part.embedding)) / 2, 0)) AS score
      FROM place
     CROSS JOIN timing
     CROSS JOIN part
     CROSS JOIN LATERAL (SELECT (place.start_s + part.offset_s) / timing.hop_s AS hops) AS at
      LEFT JOIN stored AS before
             ON before.id = place.id
            AND before.position = CASE WHEN timing.overlapping THEN floor(at.hops + 1e-3)
                                       ELSE round(at.hops) END::integer
      LEFT JOIN stored AS after
             ON after.id = place.id AND after.position = ceil(at.hops - 1e-3)::integer AND timing.overlapping
     WHERE timing.overlapping OR abs(at.hops - round(at.hops)) * timing.hop_s <= timing.query_hop_s / 2 + 1e-4
     GROUP BY place.id, place.song_id, place.is_chosen, place.start_s
)
SELECT DISTINCT ON (scored.song_id) scored.song_id, scored.start_s, scored.is_chosen, scored.score
  FROM scored
 ORDER BY scored.song_id, scored.score DESC, scored.start_s;
END;
COMMENT ON FUNCTION songradar.best_places_v1 IS 'The best of the places in each song, and its score.';
