-- weights_v1: the weights of a calibration for recordings of some number of fragments.
--
-- Arguments  calibration  encoders.calibration: arrays of one length, `fragments` in ascending order and what holds there
--            n_fragments  of the recording
-- Result     intercept, lead, peak  of confidence_v1; threshold, from which on a song is named
--                                   no row without a calibration
--
-- Between two of the numbers of fragments, each changes with the logarithm of the number; outside of them it does not.
CREATE FUNCTION songradar.weights_v1(calibration jsonb, n_fragments bigint)
RETURNS TABLE (
    intercept double precision, lead double precision, peak double precision, threshold double precision
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT sum(knot.share * (weights_v1.calibration -> 'intercept' ->> knot.i)::double precision),
       sum(knot.share * (weights_v1.calibration -> 'lead' ->> knot.i)::double precision),
       sum(knot.share * (weights_v1.calibration -> 'peak' ->> knot.i)::double precision),
       sum(knot.share * (weights_v1.calibration -> 'threshold' ->> knot.i)::double precision)
  FROM (SELECT at.i,
               CASE WHEN at.x >= at.here AND at.after > at.here THEN (at.after - at.x) / (at.after - at.here)
                    WHEN at.x < at.here AND at.before < at.here THEN (at.x - at.before) / (at.here - at.before)
                    ELSE 1 END AS share
          FROM (SELECT (n.i - 1)::integer AS i, ln(weights_v1.n_fragments) AS x, ln(n.value::double precision) AS here,
                       lag(ln(n.value::double precision)) OVER ascending AS before,
                       lead(ln(n.value::double precision)) OVER ascending AS after
                  FROM jsonb_array_elements_text(weights_v1.calibration -> 'fragments') WITH ORDINALITY AS n (value, i)
                WINDOW ascending AS (ORDER BY n.i)) AS at) AS knot
 WHERE knot.share > 0
HAVING count(*) > 0;
END;
COMMENT ON FUNCTION songradar.weights_v1 IS 'The weights of a calibration for recordings of some number of fragments.';
