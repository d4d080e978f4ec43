-- judge_v1: the songs in order, each with its evidence and its confidence: what of a search needs no stored fragments.
--
-- Arguments  encoder  songradar.encoders.id, whose calibration counts
--            songs    the leading songs, aligned
--            twins    numbers of those that are other files of the recording that the first one is
--            reached  for each fragment, the similarity of the last of its nearest neighbours; NULL where there are too
--                     few songs to say what strangers reach
--            stranger_score, stranger_similarities  what the encoder's cohort reaches there (strangers_v1); else NULL
--            wanted   rows wanted
-- Result     as of match_v1
--
-- Evidence is what a song has beyond what strangers reach; strangers are the other recordings among the leading songs,
-- and, where there are few songs, the encoder's cohort if that reaches more:
--
--     lead  its score less the mean of the ten best of them
--     peak  the mean over the fragments of ln(1 + r^4), where r is how many times nearer the fragment is to the song
--           than to its last neighbour and to the best of the strangers; the distance is 1 less the similarity. A
--           fragment that is no nearer counts next to nothing: a burst of noise, or talk over half of the recording, is
--           not held against the rest. A ratio means the same whether an encoder's similarities fill the scale or lie
--           between 0.98 and 1.
--
-- A twin of the first song is no stranger to it. Apart from the encoder's calibration it depends on nothing but its
-- arguments, so that it also judges what several databases have found.
CREATE FUNCTION songradar.judge_v1(
    encoder integer,
    songs songradar.alignment_v1[],
    twins integer[],
    reached double precision[],
    stranger_score double precision,
    stranger_similarities double precision[],
    wanted integer
)
RETURNS SETOF songradar.match_row_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH song AS MATERIALIZED (
    SELECT s.* FROM unnest(judge_v1.songs) AS s
), first AS MATERIALIZED (
    SELECT song.*
      FROM song
     WHERE song.is_chosen
     ORDER BY song.score DESC, song.song_id
     LIMIT 1
), rated AS MATERIALIZED (
    SELECT song.*, song.song_id = first.song_id OR song.song_id IN (SELECT unnest(judge_v1.twins)) AS is_first,
           row_number() OVER (ORDER BY song.score DESC, song.song_id) AS standing
      FROM song
     CROSS JOIN first
), ranked AS MATERIALIZED (
    SELECT rated.*, row_number() OVER (ORDER BY rated.standing) AS place
      FROM rated
     WHERE rated.is_chosen
     ORDER BY rated.standing
     LIMIT judge_v1.wanted
), weighed AS MATERIALIZED (
    SELECT ranked.*,
           ranked.score - coalesce(greatest(others.score, judge_v1.stranger_score), 0) AS lead,
           (SELECT avg(ln(1 + ((1 - coalesce(greatest(f.of_neighbour, f.of_other, f.of_stranger), 0))
                               / greatest(1 - f.own, 1e-6)) ^ 4))
              FROM unnest(
                   ranked.similarities, best.similarities,
                   judge_v1.reached, judge_v1.stranger_similarities) AS f (own, of_other, of_neighbour, of_stranger)
             WHERE f.own IS NOT NULL) AS peak
      FROM ranked
     CROSS JOIN LATERAL (
           SELECT avg(best.score) AS score
             FROM (SELECT rated.score
                     FROM rated
                    WHERE rated.song_id <> ranked.song_id AND NOT (rated.is_first AND ranked.is_first)
                    ORDER BY rated.standing
                    LIMIT 10) AS best
           ) AS others
      LEFT JOIN LATERAL (
           SELECT rated.similarities
             FROM rated
            WHERE rated.song_id <> ranked.song_id AND NOT (rated.is_first AND ranked.is_first)
            ORDER BY rated.standing
            LIMIT 1
           ) AS best ON true
), judged AS MATERIALIZED (
    SELECT weighed.*,
           songradar.confidence_v1(
               ROW(weighed.lead, weighed.peak, weighed.n_fragments)::songradar.evidence_v1, e.calibration
               ) AS confidence,
           CASE WHEN weighed.place = 1 THEN
                coalesce((SELECT w.threshold FROM songradar.weights_v1(e.calibration, weighed.n_fragments) AS w), 0.5)
                END AS threshold
      FROM weighed
      JOIN songradar.encoders AS e ON e.id = judge_v1.encoder
)
SELECT judged.place::integer, judged.song_id, judged.start_s::real, judged.score::real, judged.coverage::real,
       judged.lead::real, judged.peak::real, judged.n_fragments::integer, judged.confidence::real,
       judged.place = 1 AND judged.confidence >= judged.threshold, judged.is_first
  FROM judged
 ORDER BY judged.place;
END;
COMMENT ON FUNCTION songradar.judge_v1 IS 'The songs in order, each with its evidence and its confidence.';
