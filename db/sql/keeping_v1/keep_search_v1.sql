-- keep_search_v1: of a search that is to be kept, what the settings allow, whoever keeps it.
--
-- With `none`, the row is left out; with `names`, the recording's path is, which may say much of a person. Programs may know less of these settings than the database, so the database sees to them.
CREATE FUNCTION songradar.keep_search_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept CONSTANT text := (SELECT s.kept_candidates FROM songradar.settings AS s);
BEGIN
    IF kept = 'none' THEN
        RETURN NULL;
    END IF;
    IF kept = 'names' THEN
        NEW.query := 'recording';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION songradar.keep_search_v1 IS 'Trigger: keeps of a search what the settings allow.';
