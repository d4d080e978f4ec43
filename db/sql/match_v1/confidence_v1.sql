-- confidence_v1: the probability that a song is the right answer, given the evidence.
--
-- Arguments  evidence  its score, the margin to its best rival (NULL where there is none), coverage, n_fragments
--            weights   of logistic regression, encoders.calibration; NULL for an encoder that was not calibrated
--
-- The features are the logarithm of the mean squared distance, 1 - score; the logarithm of the rival's distance over the
-- song's own; the coverage; and the logarithm of the number of fragments. Where there is no rival, the weights under
-- "alone" say what the other features prove by themselves. Without weights, the score stands for the probability.
--
-- It depends on nothing but its arguments: an application that merges answers of several catalogues computes the
-- confidence anew from the best rival of all.
CREATE FUNCTION songradar.confidence_v1(evidence songradar.evidence_v1, weights jsonb)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT CASE WHEN w.used IS NULL THEN least(greatest((confidence_v1.evidence).score, 0), 1)
       ELSE 1 / (1 + exp(-least(greatest(
              (w.used ->> 'intercept')::double precision
            + (w.used ->> 'log_distance')::double precision * ln(d.own)
            + coalesce((w.used ->> 'log_ratio')::double precision * ln(d.of_rival / d.own), 0)
            + (w.used ->> 'coverage')::double precision * (confidence_v1.evidence).coverage
            + (w.used ->> 'log_fragments')::double precision * ln((confidence_v1.evidence).n_fragments)
            , -50), 50))) END
  FROM (SELECT CASE WHEN (confidence_v1.evidence).margin IS NULL THEN confidence_v1.weights -> 'alone'
                    ELSE confidence_v1.weights END AS used) AS w
 CROSS JOIN (SELECT greatest(1 - (confidence_v1.evidence).score, 1e-5) AS own,
                    greatest(1 - (confidence_v1.evidence).score + (confidence_v1.evidence).margin, 1e-5) AS of_rival
            ) AS d;
END;
COMMENT ON FUNCTION songradar.confidence_v1 IS
    'The probability that a song is the right answer, given the evidence and an encoder''s calibration.';
