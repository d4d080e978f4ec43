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
