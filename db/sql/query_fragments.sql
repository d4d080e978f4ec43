-- query_fragments: a recording's fragments, ready to be compared with stored ones.
--
-- Arguments  encoder         songradar.encoders.id
--            query           embeddings of the recording's fragments, by that encoder
--            query_offset_s  where in the recording each of them starts, in seconds
--
-- What all fragments of a recording have in common is the noise, the room and the device as much as the music: where
-- fragments overlap, most of their mean is taken from each, the more the longer the recording, and the rest brought
-- back to length 1.
--
-- Of more than 128 fragments, that is of recordings longer than half a minute, every second is taken, or every third,
-- and so on: the work does not grow without bound.
CREATE FUNCTION songradar.query_fragments(encoder integer, query halfvec[], query_offset_s real[])
RETURNS TABLE ("number" bigint, offset_s double precision, embedding halfvec)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH heard AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY u.number) AS number, u.embedding, u.offset_s::double precision AS offset_s
      FROM unnest(query_fragments.query, query_fragments.query_offset_s)
           WITH ORDINALITY AS u (embedding, offset_s, number)
     WHERE (u.number - 1) % (1 + (cardinality(query_fragments.query) - 1) / 128) < 1  -- of "= 0", one row is expected
), common AS MATERIALIZED (
    SELECT avg(heard.embedding) AS middle,
           0.8 * (max(heard.offset_s) - min(heard.offset_s)) / (1 + max(heard.offset_s) - min(heard.offset_s)) AS share
      FROM heard
)
SELECT heard.number, heard.offset_s,
       CASE WHEN (e.spec ->> 'hop_s')::double precision < (e.spec ->> 'fragment_s')::double precision
            THEN l2_normalize(heard.embedding - common.middle * array_fill(common.share, ARRAY[64])::halfvec)
            ELSE heard.embedding END
  FROM heard
 CROSS JOIN common
  JOIN songradar.encoders AS e ON e.id = query_fragments.encoder;
END;
COMMENT ON FUNCTION songradar.query_fragments IS
    'A recording''s fragments less what they have in common, ready to be compared with stored ones.';
