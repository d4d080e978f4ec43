-- announce_song_v1: on channel songradar_songs, at commit: {"song_id": 7, "change": "added"}, or "changed", or "removed".
CREATE FUNCTION songradar.announce_song_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('songradar_songs', json_build_object(
        'song_id', coalesce(NEW.id, OLD.id),
        'change', CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'changed' ELSE 'removed' END)::text);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION songradar.announce_song_v1 IS
    'Trigger: tells listeners on channel songradar_songs which song was added, changed or removed.';
