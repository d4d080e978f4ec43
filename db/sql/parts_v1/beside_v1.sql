-- beside_v1: which of the leading songs have the same sound as a stretch of the first of them.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
--            songs      the leading songs, aligned
--            positions, embeddings  of the first of them; see stretch_v1
-- Result     one row for each of the other songs that may be a twin and has fragments here
--            score      as it is aligned
--            is_twin    whether it has the same sound where it is aligned
--            has_place  whether it has it elsewhere; NULL where that was not tried
--
-- The two are laid side by side as they were aligned. In music that repeats itself, noise may have led one of them to
-- another bar. So up to three that are nearly as good, but no twins by that, are laid anew where each of two fragments
-- of the first is nearest to them, if it is near at all and at most 128 hops away, and up to half a hop about it.
CREATE FUNCTION songradar.beside_v1(
    encoder integer,
    fragments songradar.query_fragment_v1[],
    songs songradar.alignment_v1[],
    positions integer[],
    embeddings halfvec[]
)
RETURNS TABLE (song_id integer, score double precision, is_twin boolean, has_place boolean)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH song AS MATERIALIZED (
    SELECT s.* FROM unnest(beside_v1.songs) AS s
), first AS MATERIALIZED (
    SELECT song.*
      FROM song
     WHERE song.is_chosen
     ORDER BY song.score DESC, song.song_id
     LIMIT 1
), other AS MATERIALIZED (
    SELECT song.song_id, song.score, (first.middle_start_s - song.middle_start_s) / timing.hop_s AS shift
      FROM song
     CROSS JOIN first
     CROSS JOIN songradar.timing_v1(beside_v1.encoder, beside_v1.fragments) AS timing
     WHERE song.song_id <> first.song_id
       AND song.score > first.score / 2  -- a twin's score is nearly the first one's, so no other need be compared
       AND EXISTS (SELECT FROM songradar.encodings AS e
                    WHERE e.song_id = song.song_id AND e.encoder_id = beside_v1.encoder)
), aligned AS MATERIALIZED (
    SELECT other.*, coalesce(likeness.similarity > 0.7, false) AS is_twin
      FROM other
      LEFT JOIN LATERAL songradar.likeness_v1(
                beside_v1.encoder, beside_v1.positions, beside_v1.embeddings, other.song_id, other.shift
                ) AS likeness ON true
), missed AS MATERIALIZED (
    SELECT aligned.song_id, aligned.shift
      FROM aligned
     CROSS JOIN first
     WHERE NOT aligned.is_twin
       AND aligned.score > 0.8 * first.score
     ORDER BY aligned.score DESC, aligned.song_id
     LIMIT 3
), placed AS MATERIALIZED (
    SELECT DISTINCT missed.song_id
      FROM missed
     CROSS JOIN LATERAL (
           SELECT DISTINCT nearest.shift
             FROM unnest('{1,3}'::integer[]) AS quarter (number)
            CROSS JOIN LATERAL (SELECT 1 + quarter.number * cardinality(beside_v1.positions) / 4 AS i) AS at
            CROSS JOIN LATERAL (
                  SELECT beside_v1.positions[at.i] - f.position AS shift,
                         f.embedding <-> beside_v1.embeddings[at.i] AS distance
                    FROM songradar.fragments AS f
                   WHERE f.encoder_id = beside_v1.encoder AND f.song_id = missed.song_id
                     AND f.position BETWEEN beside_v1.positions[at.i] - missed.shift - 128
                                        AND beside_v1.positions[at.i] - missed.shift + 128
                   ORDER BY distance
                   LIMIT 1
                  ) AS nearest
            WHERE nearest.distance < 0.9  -- a similarity of 0.6
           ) AS place
     CROSS JOIN generate_series(-2, 2) AS step (number)
     CROSS JOIN LATERAL songradar.likeness_v1(
           beside_v1.encoder, beside_v1.positions, beside_v1.embeddings, missed.song_id, place.shift + step.number / 4.0
           ) AS likeness
     WHERE likeness.similarity > 0.7
)
SELECT aligned.song_id, aligned.score, aligned.is_twin,
       CASE WHEN missed.song_id IS NOT NULL THEN placed.song_id IS NOT NULL END
  FROM aligned
  LEFT JOIN missed ON missed.song_id = aligned.song_id
  LEFT JOIN placed ON placed.song_id = aligned.song_id;
END;
COMMENT ON FUNCTION songradar.beside_v1 IS
    'Which of the leading songs have the same sound as a stretch of the first of them.';
