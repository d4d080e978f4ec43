-- fragments_v1: every stored embedding with its song's number and where in the song it starts, in seconds.
CREATE VIEW songradar.fragments_v1 AS
SELECT f.encoder_id, f.song_id, (f.position * e.hop_s)::real AS offset_s, f.embedding
  FROM songradar.fragments AS f
  JOIN songradar.encoders AS e ON e.id = f.encoder_id;
COMMENT ON VIEW songradar.fragments_v1 IS 'Every stored embedding and where in its song it starts, in seconds.';
COMMENT ON COLUMN songradar.fragments_v1.encoder_id IS
    'Encoder that made the embedding.';
COMMENT ON COLUMN songradar.fragments_v1.song_id IS
    'Song it was cut from.';
COMMENT ON COLUMN songradar.fragments_v1.offset_s IS
    'Where in the song it starts, in seconds.';
COMMENT ON COLUMN songradar.fragments_v1.embedding IS
    'The embedding; compare with <->.';
