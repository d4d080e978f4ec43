-- set_reach: how far a search looks into the index, until the transaction, or the function that calls this, ends.
--
-- Into how many lists is a column of the encoder. A search goes on through further ones only where a choice of songs
-- may leave too few, as to have all lists in order takes as long as to look into five of them.
CREATE FUNCTION songradar.set_reach(encoder integer, songs integer[]) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
SELECT set_config('ivfflat.probes', e.probes::text, true),
       set_config('ivfflat.iterative_scan',
                  CASE WHEN set_reach.songs IS NULL THEN 'off' ELSE 'relaxed_order' END, true)
  FROM songradar.encoders AS e
 WHERE e.id = set_reach.encoder;
END;
COMMENT ON FUNCTION songradar.set_reach IS 'How far a search looks into the index.';
