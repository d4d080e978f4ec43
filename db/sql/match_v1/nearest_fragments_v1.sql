-- nearest_fragments_v1: the stored fragments nearest to an embedding, nearest first.
--
-- Arguments  encoder     songradar.encoders.id
--            embedding   by that encoder
--            wanted      number of rows wanted
--            looked_at   number of fragments with the nearest codes, which are then compared by their embeddings
--            exact       compare all embeddings instead
--            songs       songs to look among; NULL for all
--
-- The index serves nothing but ORDER BY code LIMIT n. How many of its lists it looks into is ivfflat.probes.
--
-- Each of the three branches begins with a condition on the arguments alone. The plan is made for all arguments, so it
-- contains all three; when it runs, the two whose condition is false end at once. The function is inlined into the
-- statement that calls it.
CREATE FUNCTION songradar.nearest_fragments_v1(
    encoder integer,
    embedding halfvec,
    wanted integer,
    looked_at integer,
    exact boolean DEFAULT false,
    songs integer[] DEFAULT NULL
)
RETURNS TABLE (song_id integer, "position" integer, distance double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT near.song_id, near.position, near.distance
  FROM ((SELECT f.song_id, f.position, f.embedding <-> nearest_fragments_v1.embedding AS distance
           FROM songradar.fragments AS f
          WHERE f.encoder_id = nearest_fragments_v1.encoder
            AND NOT nearest_fragments_v1.exact
            AND (nearest_fragments_v1.songs IS NULL
                 OR f.song_id IN (SELECT unnest(nearest_fragments_v1.songs)))  -- PostgreSQL makes this a hash table
          ORDER BY songradar.code_v1(f.embedding)::bit(192)
                   <~> songradar.code_v1(nearest_fragments_v1.embedding)::bit(192)
          LIMIT nearest_fragments_v1.looked_at)
         UNION ALL
        (SELECT f.song_id, f.position, f.embedding <-> nearest_fragments_v1.embedding AS distance
           FROM songradar.fragments AS f
          WHERE f.encoder_id = nearest_fragments_v1.encoder
            AND nearest_fragments_v1.exact
            AND nearest_fragments_v1.songs IS NULL
          ORDER BY f.embedding <-> nearest_fragments_v1.embedding
          LIMIT nearest_fragments_v1.wanted)
         UNION ALL
        (SELECT f.song_id, f.position, f.embedding <-> nearest_fragments_v1.embedding AS distance
           FROM (SELECT unnest(nearest_fragments_v1.songs) AS song_id) AS chosen
           JOIN songradar.fragments AS f ON f.song_id = chosen.song_id
          WHERE f.encoder_id = nearest_fragments_v1.encoder
            AND nearest_fragments_v1.exact
          ORDER BY f.embedding <-> nearest_fragments_v1.embedding
          LIMIT nearest_fragments_v1.wanted)) AS near
 ORDER BY near.distance
 LIMIT nearest_fragments_v1.wanted;
END;
COMMENT ON FUNCTION songradar.nearest_fragments_v1 IS 'The stored fragments nearest to an embedding.';
