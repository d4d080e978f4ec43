-- n_songs_v1: how many songs an encoder has encoded, counted up to 200, from where on they say what strangers reach.
--
-- Arguments  encoder  songradar.encoders.id
CREATE FUNCTION songradar.n_songs_v1(encoder integer) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT count(*)
  FROM (SELECT FROM songradar.encodings AS s WHERE s.encoder_id = n_songs_v1.encoder LIMIT 200) AS encoded;
END;
COMMENT ON FUNCTION songradar.n_songs_v1 IS 'How many songs an encoder has encoded, counted up to 200.';
