-- match_v1: name the song that a recording is a piece of, out of all shards.
--
-- Arguments and result are those of match_v1 of one database, and so is the answer; the query comes as text, in the
-- form that pgvector writes. It fails where a shard does not answer.
CREATE FUNCTION songradar.match_v1(
    encoder integer,
    query text[],
    query_offset_s real[],
    max_matches integer DEFAULT 5,
    exact boolean DEFAULT false,
    songs integer[] DEFAULT NULL,
    artist text DEFAULT NULL,
    collection text DEFAULT NULL,
    first_look boolean DEFAULT false
)
RETURNS SETOF songradar.match_row_v1
LANGUAGE sql STABLE
BEGIN ATOMIC
SELECT m.*
  FROM songradar.match_on_v1(
       NULL, match_v1.encoder, match_v1.query, match_v1.query_offset_s, match_v1.max_matches, match_v1.exact,
       match_v1.songs, match_v1.artist, match_v1.collection, match_v1.first_look
       ) AS m;
END;
COMMENT ON FUNCTION songradar.match_v1 IS
    'Name the song that a recording, given as embeddings of its fragments, is a piece of.';
