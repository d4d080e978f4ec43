-- same_recording_v1: which of the leading songs are other files of the recording that the first of them is.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
--            songs      the leading songs, aligned
-- Result     numbers of songs
--
-- Two songs are one recording, twins, where their stored fragments agree for ten seconds around the place that was
-- found: the similarity of twins is 0.78 or more in 99 of 100 places, whatever the lossy format and the first sample of
-- their files; 16 fragments in a row of two different recordings, at the best of 60 alignments, reach 0.52.
--
-- The two are laid side by side as they were aligned. In music that repeats itself, noise may have led one of them to
-- another bar. So up to three that are nearly as good, but no twins by that, are laid anew where each of two fragments of
-- the first is nearest to them, if it is near at all and at most 128 hops away, and up to half a hop about it.
--
-- Encoders whose fragments do not overlap may find different recordings as similar as that, so for them there are no
-- twins.
CREATE FUNCTION songradar.same_recording_v1(
    encoder integer, fragments songradar.query_fragment_v1[], songs songradar.alignment_v1[]
)
RETURNS TABLE (song_id integer)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH timing AS MATERIALIZED (
    SELECT t.* FROM songradar.timing_v1(same_recording_v1.encoder, same_recording_v1.fragments) AS t
), song AS MATERIALIZED (
    SELECT s.* FROM unnest(same_recording_v1.songs) AS s
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
     CROSS JOIN timing
     WHERE song.song_id <> first.song_id
       AND timing.overlapping
       AND song.score > first.score / 2  -- a twin's score is nearly the first one's, so no other need be compared
), stretch AS MATERIALIZED (
    SELECT array_agg(f.position ORDER BY f.position) AS positions,
           array_agg(f.embedding ORDER BY f.position) AS embeddings
      FROM first
     CROSS JOIN timing
     CROSS JOIN LATERAL (SELECT greatest(5, timing.last_s - timing.middle_s, 2 * timing.hop_s) AS half_s) AS compared
      JOIN songradar.fragments AS f
        ON f.encoder_id = same_recording_v1.encoder AND f.song_id = first.song_id
       AND f.position BETWEEN (first.middle_start_s + timing.middle_s - compared.half_s) / timing.hop_s
                          AND (first.middle_start_s + timing.middle_s + compared.half_s) / timing.hop_s
     WHERE EXISTS (SELECT FROM other)
), aligned AS MATERIALIZED (
    SELECT other.*, coalesce(likeness.similarity > 0.7, false) AS is_twin
      FROM other
     CROSS JOIN stretch
      LEFT JOIN LATERAL songradar.likeness_v1(
                same_recording_v1.encoder, stretch.positions, stretch.embeddings, other.song_id, other.shift
                ) AS likeness ON true
), missed AS MATERIALIZED (
    SELECT aligned.song_id, aligned.shift
      FROM aligned
     CROSS JOIN first
     WHERE NOT aligned.is_twin
       AND aligned.score > 0.8 * first.score
     ORDER BY aligned.score DESC, aligned.song_id
     LIMIT 3
)
SELECT aligned.song_id
  FROM aligned
 WHERE aligned.is_twin
 UNION
SELECT missed.song_id
  FROM missed
 CROSS JOIN stretch
 CROSS JOIN LATERAL (
       SELECT DISTINCT nearest.shift
         FROM unnest('{1,3}'::integer[]) AS quarter (number)
        CROSS JOIN LATERAL (SELECT 1 + quarter.number * cardinality(stretch.positions) / 4 AS i) AS at
        CROSS JOIN LATERAL (
              SELECT stretch.positions[at.i] - f.position AS shift, f.embedding <-> stretch.embeddings[at.i] AS distance
                FROM songradar.fragments AS f
               WHERE f.encoder_id = same_recording_v1.encoder AND f.song_id = missed.song_id
                 AND f.position BETWEEN stretch.positions[at.i] - missed.shift - 128
                                    AND stretch.positions[at.i] - missed.shift + 128
               ORDER BY distance
               LIMIT 1
              ) AS nearest
        WHERE nearest.distance < 0.9  -- a similarity of 0.6
       ) AS place
 CROSS JOIN generate_series(-2, 2) AS step (number)
 CROSS JOIN LATERAL songradar.likeness_v1(
       same_recording_v1.encoder, stretch.positions, stretch.embeddings, missed.song_id, place.shift + step.number / 4.0
       ) AS likeness
 WHERE likeness.similarity > 0.7;
END;
COMMENT ON FUNCTION songradar.same_recording_v1 IS
    'Which of the leading songs are other files of the recording that the first of them is.';
