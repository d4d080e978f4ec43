-- forget_searches_v1: remove the searches that are kept for longer than the settings say, with their matches.
--
-- It runs with each search that is kept, so nobody has to think of it; searches.searched_at has an index. Rows that
-- another session removes at the same moment are left to it. It runs as its owner, as not everybody who may add a search
-- may remove one.
CREATE FUNCTION songradar.forget_searches_v1() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM songradar.searches AS q
     WHERE q.id IN (SELECT stale.id
                      FROM songradar.searches AS stale
                     WHERE stale.searched_at < now() - (SELECT s.kept_for FROM songradar.settings AS s)
                       FOR UPDATE SKIP LOCKED);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION songradar.forget_searches_v1 IS
    'Trigger: removes searches that are older than they are to be kept.';
