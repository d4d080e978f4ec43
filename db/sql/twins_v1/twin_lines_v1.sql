-- twin_lines_v1: step 1 of looking for twins: lines in time along which another song seems to be the same recording.
--
-- Arguments  encoder     songradar.encoders.id
--            song        songradar.songs.id, which is left out; NULL for a song that is not stored
--            positions   of the song's fragments, in ascending order
--            embeddings  as many
--            every       of how many fragments one is looked up
-- Result     song_id     of the other song
--            speed, shift  the line: position in the other song = speed * position + shift, in hops
--            hits        fragments looked up that have a neighbour on it, three or more
--
-- True neighbours lie on a line. Lines of fifteen speeds are tried, in bins of two and a half hops that overlap by half
-- (a Hough transform); regression along the neighbours in a bin then makes its line exact. A song that repeats itself
-- has neighbours on many lines; only its best two are returned. Neighbours count from a similarity of 0.65 on, which
-- fragments of twins usually have, if they are played 6 % faster, too, and those of strangers seldom.
CREATE FUNCTION songradar.twin_lines_v1(
    encoder integer, song integer, positions integer[], embeddings halfvec[], every integer
)
RETURNS TABLE (song_id integer, speed double precision, shift double precision, hits bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH part AS MATERIALIZED (
    SELECT u.position, u.embedding
      FROM unnest(twin_lines_v1.positions, twin_lines_v1.embeddings)
           WITH ORDINALITY AS u (position, embedding, number)
     WHERE (u.number - 1) % twin_lines_v1.every < 1
), hit AS MATERIALIZED (
    SELECT part.position::double precision, near.song_id, near.position::double precision AS other_position,
           1 - near.distance ^ 2 / 2 AS similarity
      FROM part
     CROSS JOIN LATERAL songradar.nearest_fragments_v1(twin_lines_v1.encoder, part.embedding, 60, 100) AS near
     WHERE near.song_id IS DISTINCT FROM twin_lines_v1.song
       AND near.distance < 0.84
), likely AS MATERIALIZED (
    SELECT hit.song_id, avg(hit.position) AS middle
      FROM hit
     GROUP BY hit.song_id
    HAVING count(DISTINCT hit.position) >= 3
), bin AS (
    SELECT hit.song_id, tried.speed, half.of_bin, bin.number,
           count(DISTINCT hit.position) AS hits, avg(hit.similarity) AS similarity,
           regr_slope(hit.other_position, hit.position) AS slope,
           regr_intercept(hit.other_position, hit.position) AS intercept,
           avg(hit.other_position) AS other_middle, avg(hit.position) AS middle,
           max(hit.position) - min(hit.position) AS extent
      FROM likely
      JOIN hit ON hit.song_id = likely.song_id
     CROSS JOIN (SELECT 1 + n / 100.0::double precision AS speed FROM generate_series(-7, 7) AS n) AS tried
     CROSS JOIN (VALUES (0.0::double precision), (0.5)) AS half (of_bin)
     CROSS JOIN LATERAL (
           SELECT round((hit.other_position - tried.speed * (hit.position - likely.middle)) / 2.5 + half.of_bin)
                  AS number
           ) AS bin
     GROUP BY hit.song_id, tried.speed, half.of_bin, bin.number
    HAVING count(DISTINCT hit.position) >= 3
), best AS (
    SELECT bin.*,
           row_number() OVER (PARTITION BY bin.song_id
                              ORDER BY bin.hits * bin.similarity DESC, abs(bin.speed - 1), bin.number) AS standing
      FROM bin
)
SELECT best.song_id, line.speed, best.other_middle - line.speed * best.middle, best.hits
  FROM best
 CROSS JOIN LATERAL (
       SELECT CASE WHEN best.extent >= 16 AND abs(best.slope - best.speed) < 0.02 THEN best.slope ELSE best.speed END
              AS speed
       ) AS line
 WHERE best.standing <= 2;
END;
COMMENT ON FUNCTION songradar.twin_lines_v1 IS
    'Lines in time along which another song seems to be the same recording.';
