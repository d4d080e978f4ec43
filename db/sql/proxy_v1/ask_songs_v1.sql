-- ask_songs_v1: what is known of songs, by number.
--
-- Arguments  shards  that are asked, at once; NULL for all. The others are those of the shard's function.
CREATE FUNCTION songradar.ask_songs_v1(
    shards integer[],
    numbers integer[],
    OUT song_id integer,
    OUT title text,
    OUT artist text,
    OUT album text,
    OUT isrc text,
    OUT mbid text,
    OUT tags jsonb,
    OUT source text
)
RETURNS SETOF record
LANGUAGE plproxy
AS $$
    CLUSTER songradar.cluster_name_v1($1);
    RUN ON ALL;
    SELECT s.song_id, s.title, s.artist, s.album, s.isrc, s.mbid, s.tags, s.source
      FROM songradar.songs_v1 AS s
     WHERE s.song_id = ANY ($2);
$$;
COMMENT ON FUNCTION songradar.ask_songs_v1 IS
    'What is known of songs, by number.';
