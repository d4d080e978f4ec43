-- confidence_v1: the probability that a song is the right answer, given the evidence.
--
-- Arguments  evidence     lead, peak and number of fragments; see rank_v1
--            calibration  of the encoder; NULL for one that was not calibrated
--
-- A logistic regression on lead and peak, whose weights depend on the number of fragments; neither weight is negative.
-- Without a calibration, two and a half times the lead stands for the probability.
--
-- It depends on nothing but its arguments: an application that merges answers of several catalogues computes the
-- confidence anew from what the strangers of all reach.
CREATE FUNCTION songradar.confidence_v1(evidence songradar.evidence_v1, calibration jsonb)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT coalesce(
       (SELECT 1 / (1 + exp(-least(greatest(
               w.intercept + w.lead * (confidence_v1.evidence).lead + w.peak * (confidence_v1.evidence).peak, -50), 50)))
          FROM songradar.weights_v1(confidence_v1.calibration, (confidence_v1.evidence).n_fragments) AS w),
       least(greatest(2.5 * (confidence_v1.evidence).lead, 0), 1));
END;
COMMENT ON FUNCTION songradar.confidence_v1 IS
    'The probability that a song is the right answer, given the evidence and an encoder''s calibration.';
