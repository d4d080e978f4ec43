-- matches_v1: what was searched and what it was; one row a candidate, and one with NULLs for a search that found
-- nothing at all. `at` is the place in the song where the recording starts, as m:ss.
CREATE VIEW songradar.matches_v1 AS
SELECT q.id AS search_id, q.searched_at, q.query, q.duration_s AS query_duration_s, e.name AS encoder,
       m.rank, m.song_id, s.title, s.artist, m.offset_s,
       CASE WHEN m.offset_s < 0 THEN '-' ELSE '' END || (abs(m.offset_s)::integer / 60)::text
           || ':' || lpad((abs(m.offset_s)::integer % 60)::text, 2, '0') AS at,
       m.score, m.coverage, m.confidence, m.accepted
  FROM songradar.searches AS q
  LEFT JOIN songradar.encoders AS e ON e.id = q.encoder_id
  LEFT JOIN songradar.matches AS m ON m.search_id = q.id
  LEFT JOIN songradar.songs AS s ON s.id = m.song_id;
COMMENT ON VIEW songradar.matches_v1 IS 'What was searched and what it was; one row a candidate.';
