-- twin_fit_v1: a line made straight by those fragments of a song that agree with another near it.
--
-- Arguments  as of twin_along_v1
-- Result     speed, shift  of the line nearest to their places; no row where fewer than eight fragments agree
--
-- The speed is 1 unless both drift apart by half a hop and by four times the standard error of the slope.
CREATE FUNCTION songradar.twin_fit_v1(
    encoder integer, other integer, positions integer[], embeddings halfvec[],
    speed double precision, shift double precision
)
RETURNS TABLE (speed double precision, shift double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT line.speed, fit.other_middle - line.speed * fit.middle
  FROM (SELECT regr_slope(along.other_position, along.position) AS slope, avg(along.position) AS middle,
               avg(along.other_position) AS other_middle, max(along.position) - min(along.position) AS extent,
               count(*) AS n,
               sqrt(greatest(regr_syy(along.other_position, along.position)
                             / nullif(regr_sxx(along.other_position, along.position), 0)
                             * (1 - regr_r2(along.other_position, along.position)), 0)
                    / greatest(count(*) - 2, 1)) AS error
          FROM songradar.twin_along_v1(
               twin_fit_v1.encoder, twin_fit_v1.other, twin_fit_v1.positions, twin_fit_v1.embeddings,
               twin_fit_v1.speed, twin_fit_v1.shift) AS along
         WHERE along.evidence >= 0.6) AS fit
 CROSS JOIN LATERAL (
       SELECT CASE WHEN abs(fit.slope - 1) < greatest(0.5::double precision / fit.extent, 4 * fit.error)
                   THEN 1 ELSE fit.slope END AS speed) AS line
 WHERE fit.n >= 8
   AND line.speed BETWEEN 0.9 AND 1.1;
END;
COMMENT ON FUNCTION songradar.twin_fit_v1 IS
    'A line made straight by those fragments of a song that agree with another near it.';
