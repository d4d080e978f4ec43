-- set_reach_v1: how far a search looks into the index, until the transaction, or the function that calls this, ends.
--
-- Arguments  encoder      songradar.encoders.id, whose column says how many lists a thorough look goes through
--            songs        that may be the answer, NULL for all
--            thorough     whether this look is; a first look goes through a quarter of the lists
--            n_fragments  of the recording: a thorough look at a short one goes through more lists (further_v1)
--
-- Only where a choice of songs may leave too few fragments does a search go on through further lists: to put all lists in
-- order takes as long as to look into five of them.
CREATE FUNCTION songradar.set_reach_v1(
    encoder integer, songs integer[], thorough boolean DEFAULT true, n_fragments integer DEFAULT 128
)
RETURNS void
LANGUAGE sql
BEGIN ATOMIC
SELECT set_config('ivfflat.probes', least(greatest(reach.lists, 1), 32768)::text, true),
       set_config('ivfflat.iterative_scan',
                  CASE WHEN set_reach_v1.songs IS NULL THEN 'off' ELSE 'relaxed_order' END, true)
  FROM songradar.encoders AS e
 CROSS JOIN LATERAL (
       SELECT CASE WHEN set_reach_v1.thorough
                   THEN e.probes * songradar.further_v1(set_reach_v1.n_fragments)
                   ELSE e.probes / 4 END::integer AS lists
       ) AS reach
 WHERE e.id = set_reach_v1.encoder;
END;
COMMENT ON FUNCTION songradar.set_reach_v1 IS 'How far a search looks into the index.';
