-- code_v1: an embedding in 192 bits: the signs of its 64 dimensions, and those of its sum and of its difference with
-- itself rotated by 16 dimensions. Close embeddings differ in few bits. The index of fragments holds nothing but codes.
--
-- The sign of a dimension says on which side of a plane an embedding lies; sums and differences add two more planes for
-- each dimension. A code takes 24 bytes where the embedding takes 128, and costs one recording in a hundred.
CREATE FUNCTION songradar.code_v1(embedding halfvec) RETURNS bit
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN binary_quantize(
    code_v1.embedding
    || (code_v1.embedding + (subvector(code_v1.embedding, 17, 48) || subvector(code_v1.embedding, 1, 16)))
    || (code_v1.embedding - (subvector(code_v1.embedding, 17, 48) || subvector(code_v1.embedding, 1, 16)))
);
COMMENT ON FUNCTION songradar.code_v1 IS 'An embedding in 192 bits, for the index; compare with <~>.';
