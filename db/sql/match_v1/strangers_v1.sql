-- strangers_v1: what songs reach that have nothing to do with the recording.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
--            n_songs    how many songs there are, so that the best of these may be the better for it by chance
-- Result     score         what the best of so many strangers have for a score
--            similarities  for each fragment, what the nearest of their fragments have for a similarity
--                          no row for an encoder without a cohort
--
-- In a large catalogue, songs that are not the recording's say what strangers reach. In a small one there are too few, so
-- the encoder's cohort stands for them: stretches of consecutive fragments, each of a song of its own. The recording is
-- laid along every stretch from every fragment on, and from its end on along its beginning, so that all of its fragments
-- have a partner. What the best of many strangers reach is so many standard deviations above the mean of these places:
-- of 730 songs the ten best 4.1 at 1 s and 4.8 at 10 s, and the twentieth fragment 3.8 at any length. Fewer reach less,
-- by about a quarter for each factor of e, as the highest of normally distributed numbers do. Scores relative to a
-- cohort are known from speaker recognition as AS-norm (Matejka et al. 2017).
CREATE FUNCTION songradar.strangers_v1(encoder integer, fragments songradar.query_fragment_v1[], n_songs bigint)
RETURNS TABLE (score double precision, similarities double precision[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH cohort AS MATERIALIZED (
    SELECT (u.number - 1) / extent.n AS stretch, (u.number - 1) % extent.n AS place, u.embedding, extent.n
      FROM songradar.encoders AS e
     CROSS JOIN LATERAL (SELECT array_length(e.cohort, 2) AS n) AS extent
     CROSS JOIN LATERAL unnest(e.cohort) WITH ORDINALITY AS u (embedding, number)
     WHERE e.id = strangers_v1.encoder
), pair AS MATERIALIZED (
    SELECT part.number, cohort.stretch, 1 - (cohort.embedding <-> part.embedding) ^ 2 / 2 AS similarity,
           (cohort.place - part.hops) - cohort.n * floor((cohort.place - part.hops)::double precision / cohort.n) AS start
      FROM cohort
     CROSS JOIN (SELECT f.number, f.embedding, round(f.offset_s / e.hop_s)::bigint AS hops
                   FROM unnest(strangers_v1.fragments) AS f
                   JOIN songradar.encoders AS e ON e.id = strangers_v1.encoder) AS part
)
SELECT of_songs.mean + (3.0 + 0.27 * ln(greatest(strangers_v1.n_songs, 1))) * of_songs.spread,
       of_fragments.similarities
  FROM (SELECT avg(place.score) AS mean, stddev_pop(place.score) AS spread
          FROM (SELECT avg(pair.similarity) AS score FROM pair GROUP BY pair.stretch, pair.start) AS place) AS of_songs
 CROSS JOIN (SELECT array_agg(part.reached ORDER BY part.number) AS similarities
               FROM (SELECT pair.number, avg(pair.similarity)
                            + (2.8 + 0.15 * ln(greatest(strangers_v1.n_songs, 1))) * stddev_pop(pair.similarity)
                            AS reached
                       FROM pair
                      GROUP BY pair.number) AS part) AS of_fragments
 WHERE of_songs.mean IS NOT NULL;
END;
COMMENT ON FUNCTION songradar.strangers_v1 IS
    'What songs reach that have nothing to do with the recording, by the encoder''s cohort.';
