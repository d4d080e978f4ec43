-- query_fragments_v1: a recording's fragments, ready to be compared with stored ones.
--
-- Arguments  encoder         songradar.encoders.id
--            query           embeddings of the recording's fragments, by that encoder
--            query_offset_s  where in the recording each of them starts, in seconds
--
-- The fragments of a recording have in common not only the music but also the noise, the room and the device. Where
-- fragments overlap, most of their mean is therefore subtracted from each, the more the longer the recording is, and
-- the difference is scaled back to length 1.
--
-- Of more than 128 fragments, which is half a minute or more, every second one is used, or every third, and so on, so
-- that the work does not grow without bound.
CREATE FUNCTION songradar.query_fragments_v1(encoder integer, query halfvec[], query_offset_s real[])
RETURNS SETOF songradar.query_fragment_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH kept AS MATERIALIZED (
    SELECT (row_number() OVER (ORDER BY u.number))::integer AS number, u.embedding,
           u.offset_s::double precision AS offset_s
      FROM unnest(query_fragments_v1.query, query_fragments_v1.query_offset_s)
           WITH ORDINALITY AS u (embedding, offset_s, number)
     -- The remainder is never negative, so this says "= 0"; of an equality the planner would expect a single row.
     WHERE (u.number - 1) % (1 + (cardinality(query_fragments_v1.query) - 1) / 128) < 1
), common AS MATERIALIZED (
    SELECT avg(kept.embedding) AS mean,
           0.8 * (max(kept.offset_s) - min(kept.offset_s)) / (1 + max(kept.offset_s) - min(kept.offset_s)) AS share
      FROM kept
)
SELECT kept.number, kept.offset_s,
       CASE WHEN e.hop_s < e.fragment_s
            THEN l2_normalize(
                 kept.embedding - common.mean * array_fill(common.share, ARRAY[vector_dims(common.mean)])::halfvec)
            ELSE kept.embedding END
  FROM kept
 CROSS JOIN common
  JOIN songradar.encoders AS e ON e.id = query_fragments_v1.encoder;
END;
COMMENT ON FUNCTION songradar.query_fragments_v1 IS
    'A recording''s fragments without most of what they have in common, ready to be compared with stored ones.';
