-- set_reach_v1: how far a search looks into the index, until the transaction, or the function that calls this, ends.
--
-- The number of lists is a column of the encoder; a first look, which is not thorough, takes a quarter of them. Only where a choice of songs may leave too few fragments does a
-- search go on through further lists: to put all lists in order takes as long as to look into five of them.
CREATE FUNCTION songradar.set_reach_v1(encoder integer, songs integer[], thorough boolean DEFAULT true) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
SELECT set_config('ivfflat.probes',
                  (CASE WHEN set_reach_v1.thorough THEN e.probes ELSE greatest(e.probes / 4, 1) END)::text, true),
       set_config('ivfflat.iterative_scan',
                  CASE WHEN set_reach_v1.songs IS NULL THEN 'off' ELSE 'relaxed_order' END, true)
  FROM songradar.encoders AS e
 WHERE e.id = set_reach_v1.encoder;
END;
COMMENT ON FUNCTION songradar.set_reach_v1 IS 'How far a search looks into the index.';
