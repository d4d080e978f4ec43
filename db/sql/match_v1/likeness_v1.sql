-- likeness_v1: how similar a stretch of one song is to another song.
--
-- Arguments  encoder     songradar.encoders.id
--            positions, embeddings  the stretch: where in the one song its fragments lie, in hops, and what they are
--            song_id     the other song
--            shift       how many hops later the same sound is in the one song than in the other
-- Result     similarity  mean over the fragments of the stretch, each compared with the point between the two of the
--                        other song that it lies between (similarity_between_v1); no row where the other song lacks half
--                        of them or more
--
-- The function is inlined into the statement that calls it.
CREATE FUNCTION songradar.likeness_v1(
    encoder integer, positions integer[], embeddings halfvec[], song_id integer, shift double precision
)
RETURNS TABLE (similarity double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT avg(songradar.similarity_between_v1(
           1 - place.far, place.far,
           1 - (before.embedding <-> part.embedding) ^ 2 / 2,
           coalesce(1 - (after.embedding <-> part.embedding) ^ 2 / 2, 0),
           coalesce(1 - (before.embedding <-> after.embedding) ^ 2 / 2, 0)))
  FROM unnest(likeness_v1.positions, likeness_v1.embeddings) AS part ("position", embedding)
 CROSS JOIN LATERAL (
       SELECT part.position - likeness_v1.shift - whole.hops AS far, whole.hops::integer AS hops
         FROM floor(part.position - likeness_v1.shift + 1e-3) AS whole (hops)
       ) AS place
  JOIN songradar.fragments AS before
    ON before.encoder_id = likeness_v1.encoder AND before.song_id = likeness_v1.song_id
   AND before.position = place.hops
  LEFT JOIN songradar.fragments AS after
    ON after.encoder_id = likeness_v1.encoder AND after.song_id = likeness_v1.song_id
   AND after.position = place.hops + 1
HAVING count(*) * 2 > cardinality(likeness_v1.positions);
END;
COMMENT ON FUNCTION songradar.likeness_v1 IS 'How similar a stretch of one song is to another song.';
