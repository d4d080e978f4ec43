-- ask_beside_v1: which of the leading songs have the same sound as that stretch; see beside_v1.
--
-- Arguments  shards  that are asked, at once; NULL for all. The others are those of the shard's function.
CREATE FUNCTION songradar.ask_beside_v1(
    shards integer[],
    encoder integer,
    query text[],
    query_offset_s real[],
    songs songradar.alignment_v1[],
    positions integer[],
    embeddings text[],
    OUT song_id integer,
    OUT score double precision,
    OUT is_twin boolean,
    OUT has_place boolean
)
RETURNS SETOF record
LANGUAGE plproxy
AS $$
    CLUSTER songradar.cluster_name_v1($1);
    RUN ON ALL;
    SELECT b.* FROM songradar.shard_beside_v1($2, $3, $4, $5, $6, $7) AS b;
$$;
COMMENT ON FUNCTION songradar.ask_beside_v1 IS
    'Which of the leading songs have the same sound as that stretch; see beside_v1.';
