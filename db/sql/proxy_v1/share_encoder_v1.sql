-- share_encoder_v1: let all shards have an encoder as it is here; see shard_encoder_v1.
--
-- It is a trigger's, so an encoder that not all shards took is none: the statement fails, and what some of them have
-- counts for nothing, since it is here that searches and ingestion look which encoders there are and which is active.
CREATE FUNCTION songradar.tell_encoder_v1(
    shards integer[],
    encoder integer,
    name text,
    sha256 bytea,
    spec jsonb,
    cohort text[],
    calibration jsonb,
    metrics jsonb,
    card text,
    onnx bytea,
    probes integer,
    looked_at integer,
    neighbours integer,
    candidates integer,
    sure double precision,
    active boolean,
    OUT told boolean
)
RETURNS SETOF boolean
LANGUAGE plproxy
AS $$
    CLUSTER songradar.cluster_name_v1($1);
    RUN ON ALL;
    SELECT songradar.shard_encoder_v1($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) IS NOT NULL;
$$;
COMMENT ON FUNCTION songradar.tell_encoder_v1 IS 'Let shards have an encoder; NULL for all of them.';

CREATE FUNCTION songradar.share_encoders_v1(shards integer[], encoder integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM t.told
       FROM songradar.encoders AS e
      CROSS JOIN LATERAL songradar.tell_encoder_v1(
            shards, e.id, e.name, e.sha256, e.spec, e.cohort, e.calibration, e.metrics, e.card, e.onnx, e.probes,
            e.looked_at, e.neighbours, e.candidates, e.sure, e.active) AS t
      WHERE encoder IS NULL OR e.id = encoder;
END
$$;
COMMENT ON FUNCTION songradar.share_encoders_v1 IS 'Let shards [all] have an encoder [all] as it is here.';

CREATE FUNCTION songradar.share_encoder_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM songradar.share_encoders_v1(NULL, NEW.id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION songradar.share_encoder_v1 IS 'Trigger: lets all shards have an encoder as it is here.';

CREATE TRIGGER encoders_share AFTER INSERT OR UPDATE ON songradar.encoders
   FOR EACH ROW EXECUTE FUNCTION songradar.share_encoder_v1();

-- The shards have made their partitions with the encoder.
CREATE FUNCTION songradar.add_partition_v1(encoder integer) RETURNS void
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
SELECT NULL WHERE false;
END;
COMMENT ON FUNCTION songradar.add_partition_v1 IS 'Does nothing: each shard has made its partition with the encoder.';
