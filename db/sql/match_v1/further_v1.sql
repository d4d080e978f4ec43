-- further_v1: how many times as far as an encoder's columns say a thorough look reaches for a recording so short.
--
-- Arguments  n_fragments  of the recording
--
-- The fewer fragments, the less time each lookup costs in all, and the more depends on each. A recording of 2 s, which
-- has four, is looked up three times as far, and takes no longer than one of 5 s.
CREATE FUNCTION songradar.further_v1(n_fragments integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(greatest(12 / greatest(further_v1.n_fragments, 1)::double precision, 1), 4);
COMMENT ON FUNCTION songradar.further_v1 IS 'How many times as far a thorough look reaches for a short recording.';
