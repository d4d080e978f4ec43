-- twins_v1: which songs of the catalogue are the same recording as some of them.
--
-- Arguments  encoder        songradar.encoders.id
--            songs          their numbers
--            min_overlap_s  how much two songs must have in common
-- Result     a row for each twin of each of the songs, as of twins_of_v1; two songs that are both asked for are told
--            from both sides
-- Raises     as twins_of_v1
--
-- 60 fragments of each song are looked up. A long song needs more, so that ten seconds of it meet four: every fourth.
CREATE FUNCTION songradar.twins_v1(encoder integer, songs integer[], min_overlap_s double precision DEFAULT 10)
RETURNS TABLE (
    song_id integer, other_song_id integer, speed double precision, shift_s double precision,
    start_s double precision, end_s double precision, overlap_s double precision, similarity double precision,
    confidence double precision
)
LANGUAGE sql STABLE
BEGIN ATOMIC
SELECT song.id, twin.*
  FROM (SELECT f.song_id AS id, array_agg(f.position ORDER BY f.position) AS positions,
               array_agg(f.embedding ORDER BY f.position) AS embeddings
          FROM songradar.fragments AS f
         WHERE f.encoder_id = twins_v1.encoder
           AND f.song_id = ANY (twins_v1.songs)
         GROUP BY f.song_id) AS song
 CROSS JOIN LATERAL songradar.twins_of_v1(
       twins_v1.encoder, song.positions, song.embeddings, twins_v1.min_overlap_s,
       greatest(60, cardinality(song.positions) / 4), song.id) AS twin;
END;
COMMENT ON FUNCTION songradar.twins_v1 IS 'Which songs of the catalogue are the same recording as some of them.';
