-- nearest_fragments: the stored fragments nearest to one embedding, nearest first.
--
-- Arguments  encoder     songradar.encoders.id
--            embedding   by that encoder, halfvec(64)
--            wanted      rows wanted
--            looked_at   fragments with the nearest codes, which are compared by their embeddings
--            exact       compare all embeddings instead
--            songs       songs to look among; NULL for all
--
-- Only a pure ORDER BY code LIMIT can use the index. How many of its lists it looks into is ivfflat.probes.
--
-- Three ways of which one is gone: with a plan for all arguments, each begins with a filter that is tried once. Inlined
-- into the statement that calls it.
CREATE FUNCTION songradar.nearest_fragments(
    encoder integer,
    embedding halfvec,
    wanted integer DEFAULT 20,
    looked_at integer DEFAULT 100,
    exact boolean DEFAULT false,
    songs integer[] DEFAULT NULL
)
RETURNS TABLE (song_id integer, "position" integer, distance double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT near.song_id, near.position, near.distance
  FROM ((SELECT f.song_id, f.position, f.embedding <-> nearest_fragments.embedding AS distance
           FROM songradar.fragments AS f
          WHERE f.encoder_id = nearest_fragments.encoder
            AND NOT nearest_fragments.exact
            AND (nearest_fragments.songs IS NULL
                 OR f.song_id IN (SELECT unnest(nearest_fragments.songs)))  -- looked up in a hash table
          ORDER BY songradar.code(f.embedding)::bit(192) <~> songradar.code(nearest_fragments.embedding)::bit(192)
          LIMIT nearest_fragments.looked_at)
         UNION ALL
        (SELECT f.song_id, f.position, f.embedding <-> nearest_fragments.embedding AS distance
           FROM songradar.fragments AS f
          WHERE f.encoder_id = nearest_fragments.encoder
            AND nearest_fragments.exact
            AND nearest_fragments.songs IS NULL
          ORDER BY f.embedding <-> nearest_fragments.embedding
          LIMIT nearest_fragments.wanted)
         UNION ALL
        (SELECT f.song_id, f.position, f.embedding <-> nearest_fragments.embedding AS distance
           FROM songradar.fragments AS f
          WHERE f.encoder_id = nearest_fragments.encoder
            AND nearest_fragments.exact
            AND f.song_id = ANY (nearest_fragments.songs)
          ORDER BY f.embedding <-> nearest_fragments.embedding
          LIMIT nearest_fragments.wanted)) AS near
 ORDER BY near.distance
 LIMIT nearest_fragments.wanted;
END;
COMMENT ON FUNCTION songradar.nearest_fragments IS 'The stored fragments nearest to one embedding.';
