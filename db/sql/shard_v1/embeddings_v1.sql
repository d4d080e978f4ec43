-- embeddings_v1: embeddings that came as text, as pgvector writes it, from a database that has no pgvector.
CREATE FUNCTION songradar.embeddings_v1(texts text[]) RETURNS halfvec[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN embeddings_v1.texts::halfvec[];
COMMENT ON FUNCTION songradar.embeddings_v1 IS 'Embeddings that came as text.';
