-- chosen_songs_v1: the songs that a search may name: NULL for all of them.
--
-- Arguments  songs       numbers of songs, NULL for any
--            artist      NULL for any; capital and small letters are the same
--            collection  NULL for any
CREATE FUNCTION songradar.chosen_songs_v1(songs integer[], artist text, collection text) RETURNS integer[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN chosen_songs_v1.artist IS NULL AND chosen_songs_v1.collection IS NULL THEN chosen_songs_v1.songs
    ELSE ARRAY(
         SELECT s.id
           FROM songradar.songs AS s
          WHERE (chosen_songs_v1.artist IS NULL OR lower(s.artist) = lower(chosen_songs_v1.artist))
            AND (chosen_songs_v1.collection IS NULL OR s.collection = chosen_songs_v1.collection)
            AND (chosen_songs_v1.songs IS NULL OR s.id IN (SELECT unnest(chosen_songs_v1.songs))))
    END;
COMMENT ON FUNCTION songradar.chosen_songs_v1 IS 'The songs that a search may name; NULL for all of them.';
