-- recording_v1: query_fragments_v1 in one array, of embeddings that came as text.
CREATE FUNCTION songradar.recording_v1(encoder integer, query text[], query_offset_s real[])
RETURNS songradar.query_fragment_v1[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT array_agg(ROW(p.number, p.offset_s, p.embedding)::songradar.query_fragment_v1 ORDER BY p.number)
  FROM songradar.query_fragments_v1(
       recording_v1.encoder, songradar.embeddings_v1(recording_v1.query), recording_v1.query_offset_s
       ) AS p;
END;
COMMENT ON FUNCTION songradar.recording_v1 IS 'A recording''s fragments, of embeddings that came as text.';
