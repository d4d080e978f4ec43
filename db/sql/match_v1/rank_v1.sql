-- rank_v1: step 4 of a search: the songs in order, each with its margin and its confidence.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
--            songs      the leading songs, aligned
--            wanted     rows wanted
-- Result     as of match_v1
--
-- A song's rival is the best other song that is another recording. Two songs are one recording, twins, where their
-- stored fragments agree for ten seconds along the alignment: the similarity of twins is 0.78 or more in 99 of 100
-- places, whatever the lossy format and the first sample of their files; 16 fragments in a row of two different
-- recordings, at the best of 60 alignments, reach 0.52. Encoders whose fragments do not overlap may find different
-- recordings as similar as that, so for them there are no twins.
CREATE FUNCTION songradar.rank_v1(
    encoder integer, fragments songradar.query_fragment_v1[], songs songradar.alignment_v1[], wanted integer
)
RETURNS SETOF songradar.match_row_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH timing AS MATERIALIZED (
    SELECT t.* FROM songradar.timing_v1(rank_v1.encoder, rank_v1.fragments) AS t
), song AS MATERIALIZED (
    SELECT s.* FROM unnest(rank_v1.songs) AS s
), first AS MATERIALIZED (
    SELECT song.*
      FROM song
     WHERE song.is_chosen
     ORDER BY song.score DESC, song.song_id
     LIMIT 1
), twin AS MATERIALIZED (
    SELECT song.song_id
      FROM song
     CROSS JOIN first
     CROSS JOIN timing
     CROSS JOIN LATERAL (
           SELECT greatest(5, timing.last_s - timing.middle_s, 2 * timing.hop_s) AS half_s,
                  (first.middle_start_s - song.middle_start_s) / timing.hop_s AS shift
           ) AS compared
     CROSS JOIN LATERAL (
           SELECT whole.hops, compared.shift - whole.hops AS far, 1 - compared.shift + whole.hops AS near
             FROM floor(compared.shift + 1e-3) AS whole (hops)
           ) AS share
     CROSS JOIN LATERAL (
           SELECT avg(songradar.similarity_between_v1(
                      share.near, share.far,
                      1 - (f.embedding <-> before.embedding) ^ 2 / 2,
                      coalesce(1 - (f.embedding <-> after.embedding) ^ 2 / 2, 0),
                      coalesce(1 - (before.embedding <-> after.embedding) ^ 2 / 2, 0))) AS similarity
             FROM songradar.fragments AS f
             JOIN songradar.fragments AS before
               ON before.encoder_id = rank_v1.encoder AND before.song_id = first.song_id
              AND before.position = f.position + share.hops::integer
             LEFT JOIN songradar.fragments AS after
               ON after.encoder_id = rank_v1.encoder AND after.song_id = first.song_id
              AND after.position = before.position + 1
            WHERE f.encoder_id = rank_v1.encoder
              AND f.song_id = song.song_id
              AND f.position BETWEEN (song.middle_start_s + timing.middle_s - compared.half_s) / timing.hop_s
                                 AND (song.middle_start_s + timing.middle_s + compared.half_s) / timing.hop_s
           ) AS stretch
     WHERE song.song_id <> first.song_id
       AND timing.overlapping
       AND song.score > first.score / 2  -- a twin's score is nearly the first one's, so no other need be compared
       AND stretch.similarity > 0.7
), ranked AS (
    SELECT song.song_id, song.start_s, song.score, song.n_fragments, song.coverage,
           row_number() OVER (ORDER BY song.score DESC, song.song_id) AS place,
           song.score - max(rival.score) AS margin
      FROM song
     CROSS JOIN first
      LEFT JOIN song AS rival
             ON rival.song_id <> song.song_id
            AND (rival.song_id <> first.song_id AND rival.song_id NOT IN (SELECT twin.song_id FROM twin)
                 OR song.song_id <> first.song_id AND song.song_id NOT IN (SELECT twin.song_id FROM twin))
     WHERE song.is_chosen
     GROUP BY song.song_id, song.start_s, song.score, song.n_fragments, song.coverage
), judged AS MATERIALIZED (
    SELECT ranked.*,
           songradar.confidence_v1(
               ROW(ranked.score, ranked.margin, ranked.coverage, ranked.n_fragments)::songradar.evidence_v1,
               e.calibration) AS confidence,
           coalesce((CASE WHEN ranked.margin IS NULL THEN e.calibration -> 'alone' ELSE e.calibration END
                     ->> 'threshold')::double precision, 0.5) AS threshold
      FROM ranked
      JOIN songradar.encoders AS e ON e.id = rank_v1.encoder
)
SELECT judged.place::integer, judged.song_id, judged.start_s::real, judged.score::real, judged.coverage::real,
       judged.margin::real, judged.n_fragments::integer, judged.confidence::real,
       judged.place = 1 AND judged.confidence >= judged.threshold
  FROM judged
 ORDER BY judged.place
 LIMIT rank_v1.wanted;
END;
COMMENT ON FUNCTION songradar.rank_v1 IS 'The songs in order, each with its margin and its confidence.';
