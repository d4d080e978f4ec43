-- forget_song_v1: of a song that is removed, nothing is left in the proxy: no match, and no number in a playing.
CREATE FUNCTION songradar.forget_song_v1() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM songradar.matches AS m WHERE m.song_id = OLD.id;
    UPDATE songradar.plays AS p SET song_id = NULL WHERE p.song_id = OLD.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION songradar.forget_song_v1 IS 'Trigger: of a song that is removed, nothing is left in the proxy.';
