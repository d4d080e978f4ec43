-- code: an embedding in 192 bits, the signs of its 64 dimensions and of their sums and differences with the embedding
-- turned by 16 places. Embeddings that lie close differ in few bits; the index of fragments holds nothing but codes.
--
-- A sign alone says on which side of 64 planes an embedding lies; sums and differences add 128 planes between them.
-- 24 bytes instead of the 128 of an embedding, for one recording in a hundred that is not found (README).
CREATE FUNCTION songradar.code(embedding halfvec) RETURNS bit
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN binary_quantize(
    code.embedding
    || (code.embedding + (subvector(code.embedding, 17, 48) || subvector(code.embedding, 1, 16)))
    || (code.embedding - (subvector(code.embedding, 17, 48) || subvector(code.embedding, 1, 16)))
);
COMMENT ON FUNCTION songradar.code IS 'An embedding in 192 bits, for the index; compare with <~>.';
