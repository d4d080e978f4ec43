-- follow_v1: how similar fragments of a recording are to a song, each at a place of its own.
--
-- Arguments  encoder     songradar.encoders.id
--            song        songradar.songs.id
--            embeddings  of the fragments, by that encoder
--            song_s      where in the song each of them starts, in seconds; as many as `embeddings`
-- Result     similarity  1 - d^2/2, one for each fragment in order; 0 where nothing is stored
--
-- Where stored fragments overlap, a fragment between two of them is compared with the point between their embeddings
-- (similarity_between_v1); else with the nearer one.
CREATE FUNCTION songradar.follow_v1(
    encoder integer, song integer, embeddings halfvec[], song_s double precision[]
)
RETURNS double precision[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT array_agg(
       coalesce(
           CASE WHEN after.embedding IS NULL OR NOT part.overlapping THEN 1 - (before.embedding <-> part.embedding) ^ 2 / 2
                ELSE songradar.similarity_between_v1(
                     1 - part.far, part.far,
                     1 - (before.embedding <-> part.embedding) ^ 2 / 2, 1 - (after.embedding <-> part.embedding) ^ 2 / 2,
                     1 - (before.embedding <-> after.embedding) ^ 2 / 2)
           END, 0)
       ORDER BY part.number)
  FROM (SELECT u.number, u.embedding, e.hop_s < e.fragment_s AS overlapping, whole.hops,
               u.song_s / e.hop_s - whole.hops AS far
          FROM songradar.encoders AS e
         CROSS JOIN unnest(follow_v1.embeddings, follow_v1.song_s) WITH ORDINALITY AS u (embedding, song_s, number)
         CROSS JOIN LATERAL (SELECT CASE WHEN e.hop_s < e.fragment_s THEN floor(u.song_s / e.hop_s)
                                         ELSE round(u.song_s / e.hop_s) END AS hops) AS whole
         WHERE e.id = follow_v1.encoder) AS part
  LEFT JOIN songradar.fragments AS before
         ON before.encoder_id = follow_v1.encoder AND before.song_id = follow_v1.song
        AND before.position = part.hops::integer
  LEFT JOIN songradar.fragments AS after
         ON after.encoder_id = follow_v1.encoder AND after.song_id = follow_v1.song
        AND after.position = part.hops::integer + 1;
END;
COMMENT ON FUNCTION songradar.follow_v1 IS
    'How similar fragments of a recording are to a song, each at a place of its own.';
