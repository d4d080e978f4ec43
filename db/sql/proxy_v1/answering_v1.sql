-- answering_v1: numbers of the shards that answer, for which each is asked.
--
-- Arguments  shards  that are asked; NULL for all
--
-- A shard that takes connections, and does not go on, is waited for until statement_timeout.
CREATE FUNCTION songradar.answering_v1(shards integer[] DEFAULT NULL) RETURNS integer[]
LANGUAGE plpgsql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    shard integer;
    answering integer[] := '{}';
BEGIN
    FOR shard IN
        SELECT s.number FROM songradar.shards AS s WHERE shards IS NULL OR s.number = ANY (shards) ORDER BY s.number
    LOOP
        BEGIN
            PERFORM p.one FROM songradar.ping_v1(ARRAY[shard]) AS p;
            answering := answering || shard;
        EXCEPTION WHEN OTHERS THEN
            RAISE DEBUG 'shard %: %', shard, SQLERRM;
        END;
    END LOOP;
    RETURN answering;
END
$$;
COMMENT ON FUNCTION songradar.answering_v1 IS 'Numbers of the shards that answer.';
