-- twin_along_v1: step 2 of looking for twins: how a song agrees with another along a line, fragment by fragment.
--
-- Arguments  encoder     songradar.encoders.id
--            other       songradar.songs.id of the other song
--            positions, embeddings  of the song's fragments
--            speed, shift  position in the other song = speed * position + shift, in hops
-- Result     position    of a fragment whose place in the other song is stored
--            other_position  where near the line, at most two hops away, the other song is most similar
--            similarity  there, 1 - d^2/2
--            evidence    the logarithm of how many times nearer it is there than six to fifteen hops away from the
--                        line; the distance is 1 less the similarity
--
-- Between stored fragments, the place is that of the highest point of a parabola through three similarities.
CREATE FUNCTION songradar.twin_along_v1(
    encoder integer, other integer, positions integer[], embeddings halfvec[],
    speed double precision, shift double precision
)
RETURNS TABLE (
    "position" integer, other_position double precision, similarity double precision, evidence double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH pair AS MATERIALIZED (
    SELECT part.position, part.other_position, step.number AS step,
           1 - (f.embedding <-> part.embedding) ^ 2 / 2 AS similarity
      FROM (SELECT u.position, u.embedding,
                   round(twin_along_v1.speed * u.position + twin_along_v1.shift)::integer AS other_position
              FROM unnest(twin_along_v1.positions, twin_along_v1.embeddings) AS u (position, embedding)) AS part
     CROSS JOIN unnest(ARRAY[-15, -11, -8, -6, -3, -2, -1, 0, 1, 2, 3, 6, 8, 11, 15]) AS step (number)
      JOIN songradar.fragments AS f
        ON f.encoder_id = twin_along_v1.encoder AND f.song_id = twin_along_v1.other
       AND f.position = part.other_position + step.number
), near AS (
    SELECT pair.*, lag(pair.similarity) OVER along AS before, lead(pair.similarity) OVER along AS after
      FROM pair
     WHERE abs(pair.step) <= 3
    WINDOW along AS (PARTITION BY pair.position ORDER BY pair.step)
), best AS (
    SELECT DISTINCT ON (near.position) near.*
      FROM near
     WHERE abs(near.step) <= 2
     ORDER BY near.position, near.similarity DESC
)
SELECT best.position,
       best.other_position + best.step
       + CASE WHEN best.before < best.similarity AND best.after <= best.similarity
              THEN (best.before - best.after) / (best.before - 2 * best.similarity + best.after) / 2 ELSE 0 END,
       best.similarity, ln(greatest(1 - far.similarity, 1e-4) / greatest(1 - best.similarity, 1e-4))
  FROM best
  JOIN (SELECT pair.position, avg(pair.similarity) AS similarity
          FROM pair
         WHERE abs(pair.step) > 3
         GROUP BY pair.position) AS far ON far.position = best.position;
END;
COMMENT ON FUNCTION songradar.twin_along_v1 IS
    'How a song agrees with another along a line, fragment by fragment.';
