-- follow_v1: follow_v1 of the shard that has the song.
CREATE FUNCTION songradar.follow_on_v1(
    encoder integer, song integer, embeddings text[], song_s double precision[]
)
RETURNS SETOF double precision[]
LANGUAGE plproxy
AS $$
    CLUSTER 'all';
    RUN ON ALL;
    SELECT songradar.follow_v1($1, $2, songradar.embeddings_v1($3), $4)
     WHERE EXISTS (SELECT FROM songradar.songs AS s WHERE s.id = $2);
$$;
COMMENT ON FUNCTION songradar.follow_on_v1 IS 'follow_v1 of the shards that have the song.';

CREATE FUNCTION songradar.follow_v1(
    encoder integer, song integer, embeddings text[], song_s double precision[]
)
RETURNS double precision[]
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
SELECT f.similarities
  FROM songradar.follow_on_v1(follow_v1.encoder, follow_v1.song, follow_v1.embeddings, follow_v1.song_s)
       AS f (similarities)
 LIMIT 1;
END;
COMMENT ON FUNCTION songradar.follow_v1 IS
    'How similar fragments of a recording are to a song, each at a place of its own.';
