-- timing_v1: the times that all steps of a search reckon with, in one row.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
-- Result     hop_s, query_hop_s  from one fragment to the next, of a song and of a recording
--            overlapping         whether a song's fragments overlap
--            n_phases            query hops in a hop
--            first_s, middle_s, last_s  where in the recording its first and last fragments start, and the middle
--            tolerance_s         how far votes for one start may lie apart: a query hop, or 2 % of a long recording,
--                                which may be played a little too fast
--            n_drifts, drift_s   how far the last fragment may have drifted if played up to 4.5 % slower or faster, in
--                                hops [at most 20], and half of it in seconds: from the middle, either way
CREATE FUNCTION songradar.timing_v1(encoder integer, fragments songradar.query_fragment_v1[])
RETURNS TABLE (
    hop_s double precision, query_hop_s double precision, overlapping boolean, n_phases double precision,
    first_s double precision, middle_s double precision, last_s double precision, tolerance_s double precision,
    n_drifts integer, drift_s double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT e.hop_s, e.query_hop_s, e.hop_s < e.fragment_s, greatest(1, round(e.hop_s / e.query_hop_s)),
       ends.first_s, (ends.first_s + ends.last_s) / 2, ends.last_s,
       greatest(e.query_hop_s, 0.02 * (ends.last_s - ends.first_s)),
       drift.n, drift.n * e.hop_s / 2
  FROM songradar.encoders AS e
 CROSS JOIN (SELECT min(f.offset_s) AS first_s, max(f.offset_s) AS last_s
               FROM unnest(timing_v1.fragments) AS f) AS ends
 CROSS JOIN LATERAL (SELECT least(20, round(0.045 * (ends.last_s - ends.first_s) / e.hop_s))::integer AS n) AS drift
 WHERE e.id = timing_v1.encoder;
END;
COMMENT ON FUNCTION songradar.timing_v1 IS 'The times that all steps of a search reckon with.';
