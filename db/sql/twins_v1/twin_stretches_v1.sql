-- twin_stretches_v1: steps of twins_of_v1: what songs have in common along the lines on which they seem to be the same.
--
-- Arguments and result  as of twins_of_v1, without its checks and settings
--
-- Lines on which neighbours lie (twin_lines_v1) are followed fragment by fragment (twin_along_v1), and straightened
-- twice by what agrees (twin_fit_v1). Two songs agree where the evidence, over seven fragments, is 0.6 or more; sixteen
-- fragments of disagreement, which may be talk, do not part what agrees. Of several lines to one song, which one that
-- repeats itself has, and of several stretches on a line, the one with the most evidence counts.
CREATE FUNCTION songradar.twin_stretches_v1(
    encoder integer, song integer, positions integer[], embeddings halfvec[],
    min_overlap_s double precision, probes integer
)
RETURNS TABLE (
    other_song_id integer, speed double precision, shift_s double precision, start_s double precision,
    end_s double precision, overlap_s double precision, similarity double precision, confidence double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH line AS MATERIALIZED (
    SELECT found.*, row_number() OVER () AS number
      FROM songradar.twin_lines_v1(
           twin_stretches_v1.encoder, twin_stretches_v1.song, twin_stretches_v1.positions, twin_stretches_v1.embeddings,
           greatest(1, cardinality(twin_stretches_v1.positions) / twin_stretches_v1.probes)) AS found
), straight AS MATERIALIZED (
    SELECT line.number, line.song_id, fit.*
      FROM line
     CROSS JOIN LATERAL songradar.twin_fit_v1(
           twin_stretches_v1.encoder, line.song_id, twin_stretches_v1.positions, twin_stretches_v1.embeddings,
           line.speed, line.shift) AS fit
), profile AS MATERIALIZED (
    SELECT fit.number, fit.song_id, fit.speed, fit.shift, along.position, along.similarity, along.evidence,
           avg(along.evidence) OVER near AS smoothed
      FROM (SELECT straight.number, straight.song_id, again.*
              FROM straight
             CROSS JOIN LATERAL songradar.twin_fit_v1(
                   twin_stretches_v1.encoder, straight.song_id,
                   twin_stretches_v1.positions, twin_stretches_v1.embeddings,
                   straight.speed, straight.shift) AS again) AS fit
     CROSS JOIN LATERAL songradar.twin_along_v1(
           twin_stretches_v1.encoder, fit.song_id, twin_stretches_v1.positions, twin_stretches_v1.embeddings,
           fit.speed, fit.shift
           ) AS along
     WHERE fit.speed BETWEEN 0.93 AND 1.07  -- as twin_lines_v1 tries; before a line is straight, it may be steeper
       AND abs(along.other_position - fit.speed * along.position - fit.shift) <= 1
    WINDOW near AS (PARTITION BY fit.number ORDER BY along.position RANGE BETWEEN 3 PRECEDING AND 3 FOLLOWING)
), agreeing AS (
    SELECT profile.*, profile.position - lag(profile.position) OVER (
               PARTITION BY profile.number ORDER BY profile.position) > 16 AS is_parted
      FROM profile
     WHERE profile.smoothed >= 0.6
), stretch AS (
    SELECT part.number, part.song_id, part.speed, part.shift, min(part.position) AS first, max(part.position) AS last
      FROM (SELECT agreeing.*, count(*) FILTER (WHERE agreeing.is_parted) OVER (
                       PARTITION BY agreeing.number ORDER BY agreeing.position) AS stretch
              FROM agreeing) AS part
     GROUP BY part.number, part.song_id, part.speed, part.shift, part.stretch
), weighed AS (
    SELECT stretch.song_id, stretch.speed, stretch.shift * e.hop_s AS shift_s,
           stretch.first * e.hop_s AS start_s, stretch.last * e.hop_s + e.fragment_s AS end_s, within.*
      FROM stretch
      JOIN songradar.encoders AS e ON e.id = twin_stretches_v1.encoder
     CROSS JOIN LATERAL (
           SELECT avg(profile.similarity) AS similarity, avg(profile.evidence) AS evidence
             FROM profile
            WHERE profile.number = stretch.number AND profile.position BETWEEN stretch.first AND stretch.last
           ) AS within
), best AS (
    SELECT DISTINCT ON (weighed.song_id) weighed.*
      FROM weighed
     WHERE weighed.end_s - weighed.start_s >= twin_stretches_v1.min_overlap_s
     ORDER BY weighed.song_id, weighed.evidence * (weighed.end_s - weighed.start_s) DESC
)
SELECT best.song_id, best.speed, best.shift_s, best.start_s, best.end_s, best.end_s - best.start_s, best.similarity,
       songradar.twin_confidence_v1(best.similarity, best.speed, best.end_s - best.start_s)
  FROM best;
END;
COMMENT ON FUNCTION songradar.twin_stretches_v1 IS
    'What songs of the catalogue have in common with one, along the lines on which they seem to be the same recording.';
