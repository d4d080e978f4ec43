-- plays_v1: what was played when; one row a playing. Recordings that began at a known time have the wall clock's, too.
CREATE VIEW songradar.plays_v1 AS
SELECT p.id AS play_id, p.scan_id, c.recording,
       c.began_at + p.start_s * interval '1 second' AS started_at,
       c.began_at + p.end_s * interval '1 second' AS ended_at,
       p.start_s, p.end_s, p.end_s - p.start_s AS played_s, p.song_id, p.title, p.artist,
       p.song_start_s, p.song_end_s, p.speed, p.confidence, p.coverage, p.n_fragments, c.scanned_at
  FROM songradar.plays AS p
  JOIN songradar.scans AS c ON c.id = p.scan_id;
COMMENT ON VIEW songradar.plays_v1 IS 'What was played when; one row a playing, in which the title is NULL if it is unknown.';
COMMENT ON COLUMN songradar.plays_v1.play_id IS
    'Number of the playing.';
COMMENT ON COLUMN songradar.plays_v1.scan_id IS
    'The scan.';
COMMENT ON COLUMN songradar.plays_v1.recording IS
    'Path of the recording, or what it is called.';
COMMENT ON COLUMN songradar.plays_v1.started_at IS
    'When it began, by the wall clock; NULL where nobody said when the recording began.';
COMMENT ON COLUMN songradar.plays_v1.ended_at IS
    'When it ended.';
COMMENT ON COLUMN songradar.plays_v1.start_s IS
    'Where in the recording it begins, in seconds.';
COMMENT ON COLUMN songradar.plays_v1.end_s IS
    'Where in the recording it ends.';
COMMENT ON COLUMN songradar.plays_v1.played_s IS
    'How long it is.';
COMMENT ON COLUMN songradar.plays_v1.song_id IS
    'The song; NULL if it is unknown, or was removed since.';
COMMENT ON COLUMN songradar.plays_v1.title IS
    'The song''s title at the time; NULL if it is unknown.';
COMMENT ON COLUMN songradar.plays_v1.artist IS
    'The song''s artist at the time.';
COMMENT ON COLUMN songradar.plays_v1.song_start_s IS
    'Where in the song it begins, in seconds.';
COMMENT ON COLUMN songradar.plays_v1.song_end_s IS
    'Where in the song it ends.';
COMMENT ON COLUMN songradar.plays_v1.speed IS
    '1.02 where the song is played 2 % faster.';
COMMENT ON COLUMN songradar.plays_v1.confidence IS
    'Probability that this is the song.';
COMMENT ON COLUMN songradar.plays_v1.coverage IS
    'Share of its fragments that are heard as the song.';
COMMENT ON COLUMN songradar.plays_v1.n_fragments IS
    'Fragments of the recording in it.';
COMMENT ON COLUMN songradar.plays_v1.scanned_at IS
    'When the scan was begun.';
