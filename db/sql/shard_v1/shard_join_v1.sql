-- shard_join_v1: let new songs have numbers that no other shard gives.
--
-- Arguments  shard   number of this shard, 0 to 63: its songs' numbers leave that remainder divided by 64
--            beyond  the highest number of a song that any shard has
CREATE FUNCTION songradar.shard_join_v1(shard integer, beyond integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER TABLE songradar.songs ALTER COLUMN id SET INCREMENT BY 64 RESTART WITH %s',
                   (beyond / 64 + 1) * 64 + shard);
END
$$;
COMMENT ON FUNCTION songradar.shard_join_v1 IS 'Let new songs have numbers that no other shard gives.';
