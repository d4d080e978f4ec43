-- announce_matches_v1: on channel songradar_matches, at commit: {"search_id": 12}, for a search that brought candidates.
CREATE FUNCTION songradar.announce_matches_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('songradar_matches', json_build_object('search_id', s.search_id)::text)
       FROM (SELECT DISTINCT added.search_id FROM added) AS s;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION songradar.announce_matches_v1 IS
    'Trigger: tells listeners on channel songradar_matches which search has its matches.';
