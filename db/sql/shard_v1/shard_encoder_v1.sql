-- shard_encoder_v1: let an encoder be as it is in the cluster: new, or changed.
--
-- Arguments  encoder  its number there
--            the others are columns of songradar.encoders; the cohort as text, as pgvector writes it
--
-- An encoder of another number with the same network is left from an attempt of which not all shards heard. It has
-- encoded nothing, and makes room.
CREATE FUNCTION songradar.shard_encoder_v1(
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
    active boolean
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    given CONSTANT text := shard_encoder_v1.cohort::text;
    is_new CONSTANT boolean := NOT EXISTS (SELECT FROM songradar.encoders AS e WHERE e.id = encoder);
BEGIN
    DELETE FROM songradar.encoders AS e
     WHERE e.id <> encoder AND e.sha256 = shard_encoder_v1.sha256
       AND NOT EXISTS (SELECT FROM songradar.encodings AS n WHERE n.encoder_id = e.id);
    UPDATE songradar.encoders AS e SET active = false WHERE e.active AND e.id <> encoder AND shard_encoder_v1.active;
    IF is_new THEN
        INSERT INTO songradar.encoders (id, name, sha256, spec, onnx) OVERRIDING SYSTEM VALUE
        VALUES (encoder, shard_encoder_v1.name, shard_encoder_v1.sha256, shard_encoder_v1.spec, shard_encoder_v1.onnx);
    END IF;
    -- Without a name of pgvector's type, whose schema may be any: PL/pgSQL converts by the type of the column.
    EXECUTE 'UPDATE songradar.encoders SET cohort = ' || coalesce(quote_literal(given), 'NULL') || ' WHERE id = $1'
      USING encoder;
    UPDATE songradar.encoders AS e
       SET calibration = shard_encoder_v1.calibration, metrics = shard_encoder_v1.metrics, card = shard_encoder_v1.card,
           probes = shard_encoder_v1.probes, looked_at = shard_encoder_v1.looked_at,
           neighbours = shard_encoder_v1.neighbours, candidates = shard_encoder_v1.candidates,
           sure = shard_encoder_v1.sure, active = shard_encoder_v1.active
     WHERE e.id = encoder;
    IF is_new THEN
        PERFORM songradar.add_partition_v1(encoder);
    END IF;
END
$$;
COMMENT ON FUNCTION songradar.shard_encoder_v1 IS 'Let an encoder be as it is in the cluster: new, or changed.';
