-- similarity_between_v1: how similar an embedding is to the point between two others.
--
-- Arguments  near, far  shares of the two, which add up to 1
--            to_near, to_far  the embedding's similarity to either
--            of_both    the similarity of the two to each other
--
-- Similarity is the cosine, the scalar product of vectors of length 1. The point between a and b is near * a + far * b,
-- scaled to length 1, so the similarity of q to it is
--
--     q . (near * a + far * b) / |near * a + far * b|  =  (near * q . a  +  far * q . b) / length,
--     length ^ 2  =  (near * a + far * b) . (near * a + far * b)  =  near ^ 2 + far ^ 2 + 2 * near * far * a . b
--
-- Where fragments overlap, that point is nearly the embedding of the sound between the two fragments.
CREATE FUNCTION songradar.similarity_between_v1(
    near double precision, far double precision,
    to_near double precision, to_far double precision, of_both double precision
)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (similarity_between_v1.near * similarity_between_v1.to_near
        + similarity_between_v1.far * similarity_between_v1.to_far)
    / sqrt(similarity_between_v1.near * similarity_between_v1.near
           + similarity_between_v1.far * similarity_between_v1.far
           + 2 * similarity_between_v1.near * similarity_between_v1.far * similarity_between_v1.of_both);
COMMENT ON FUNCTION songradar.similarity_between_v1 IS
    'How similar an embedding is to the point between two others.';
