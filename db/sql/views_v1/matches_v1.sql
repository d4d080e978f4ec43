-- matches_v1: what was searched and what it was; one row a candidate, and one with NULLs for a search without any
-- (left). `at` is the place in the song where the recording starts, as m:ss or h:mm:ss.
CREATE VIEW songradar.matches_v1 AS
SELECT q.id AS search_id, q.searched_at, q.query, q.duration_s AS query_duration_s, e.name AS encoder,
       m.rank, m.song_id, s.title, s.artist, m.offset_s,
       CASE WHEN round(m.offset_s) < 0 THEN '-' ELSE '' END
           || to_char(round(abs(m.offset_s)) * interval '1 second',
                      CASE WHEN round(abs(m.offset_s)) < 3600 THEN 'FMMI:SS' ELSE 'FMHH24:MI:SS' END) AS at,
       m.score, m.coverage, m.confidence, m.accepted
  FROM songradar.searches AS q
  LEFT JOIN songradar.encoders AS e ON e.id = q.encoder_id
  LEFT JOIN songradar.matches AS m ON m.search_id = q.id
  LEFT JOIN songradar.songs AS s ON s.id = m.song_id;
COMMENT ON VIEW songradar.matches_v1 IS 'What was searched and what it was; one row a candidate.';
COMMENT ON COLUMN songradar.matches_v1.search_id IS
    'Number of the search.';
COMMENT ON COLUMN songradar.matches_v1.searched_at IS
    'When it was asked.';
COMMENT ON COLUMN songradar.matches_v1.query IS
    'The recording: a path, or what an application calls it.';
COMMENT ON COLUMN songradar.matches_v1.query_duration_s IS
    'Its length in seconds.';
COMMENT ON COLUMN songradar.matches_v1.encoder IS
    'Name of the encoder; NULL once that was removed.';
COMMENT ON COLUMN songradar.matches_v1.rank IS
    '1 is the best candidate; NULL for a search without any.';
COMMENT ON COLUMN songradar.matches_v1.song_id IS
    'Number of the song it may be.';
COMMENT ON COLUMN songradar.matches_v1.title IS
    'Title of that song.';
COMMENT ON COLUMN songradar.matches_v1.artist IS
    'Artist of that song.';
COMMENT ON COLUMN songradar.matches_v1.offset_s IS
    'Where in the song the recording''s first sample lies, in seconds.';
COMMENT ON COLUMN songradar.matches_v1.at IS
    'The same as m:ss or h:mm:ss.';
COMMENT ON COLUMN songradar.matches_v1.score IS
    'Mean similarity, 1 - d^2/2, of the aligned fragments.';
COMMENT ON COLUMN songradar.matches_v1.coverage IS
    'Share of the aligned fragments that were among the nearest neighbours.';
COMMENT ON COLUMN songradar.matches_v1.confidence IS
    'Probability that this is the song.';
COMMENT ON COLUMN songradar.matches_v1.accepted IS
    'Whether it comes first and its confidence reached the encoder''s threshold.';
