-- match_songs_v1: match_on_v1 with what is known of the songs, for which the same shards are asked.
--
-- Arguments  as of match_on_v1
--
-- While a song moves from one shard to another, both may have it.
CREATE FUNCTION songradar.match_songs_v1(
    shards integer[],
    encoder integer,
    query text[],
    query_offset_s real[],
    max_matches integer DEFAULT 5,
    exact boolean DEFAULT false,
    songs integer[] DEFAULT NULL,
    artist text DEFAULT NULL,
    collection text DEFAULT NULL,
    first_look boolean DEFAULT false
)
RETURNS TABLE (
    rank integer, song_id integer, title text, artist_of_song text, album text, isrc text, mbid text, tags jsonb,
    source text, offset_s real, score real, coverage real, lead real, peak real, n_fragments integer, confidence real,
    accepted boolean, same_recording boolean
)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
WITH found AS MATERIALIZED (
    SELECT m.*
      FROM songradar.match_on_v1(
           match_songs_v1.shards, match_songs_v1.encoder, match_songs_v1.query, match_songs_v1.query_offset_s,
           match_songs_v1.max_matches, match_songs_v1.exact, match_songs_v1.songs, match_songs_v1.artist,
           match_songs_v1.collection, match_songs_v1.first_look
           ) AS m
)
SELECT DISTINCT ON (found.rank)
       found.rank, found.song_id, s.title, s.artist, s.album, s.isrc, s.mbid, s.tags, s.source, found.offset_s,
       found.score, found.coverage, found.lead, found.peak, found.n_fragments, found.confidence, found.accepted,
       found.same_recording
  FROM found
  JOIN songradar.ask_songs_v1(match_songs_v1.shards, ARRAY(SELECT f.song_id FROM found AS f)) AS s
    ON s.song_id = found.song_id
 ORDER BY found.rank;
END;
COMMENT ON FUNCTION songradar.match_songs_v1 IS 'match_on_v1 with what is known of the songs.';
