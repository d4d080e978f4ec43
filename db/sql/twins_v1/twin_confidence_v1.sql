-- twin_confidence_v1: the probability that two songs are the same recording, given what they have in common.
--
-- Arguments  similarity  of the two along it, on average
--            speed       of the one to the other
--            overlap_s   how long it is
--
-- A logistic regression on 1,650 pairs of copies of nine songs (other codecs, levels and speeds, cut ones) against 117
-- pairs of different songs that agreed best, of 800, and of takes of one MIDI file with two sound fonts. Takes of one
-- score that are in step reach a similarity of 0.74, whole copies 0.87 or more, but 0.72 where they are played 6 %
-- faster, which is as much as the copies are. So less will do where the speed differs, by up to 6 %, as it does not in
-- takes that are in step, and for a long overlap.
CREATE FUNCTION songradar.twin_confidence_v1(
    similarity double precision, speed double precision, overlap_s double precision
)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1 / (1 + exp(51 - 63 * twin_confidence_v1.similarity - 80 * least(abs(ln(twin_confidence_v1.speed)), 0.06)
                    - 0.8 * ln(least(greatest(twin_confidence_v1.overlap_s, 1), 60) / 10)));
COMMENT ON FUNCTION songradar.twin_confidence_v1 IS
    'The probability that two songs are the same recording, given what they have in common.';
