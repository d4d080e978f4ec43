-- align_v1: step 3 of a search: the exact start and the score of each of the leading songs.
--
-- Arguments  encoder     songradar.encoders.id
--            fragments   of the recording
--            neighbours  stored fragments near them; they give the coverage
--            places      one in each song
--
-- Each place is scored again at nine starts within half a hop, and as if played up to 4.5 % slower or faster, as far as
-- the recording is long enough for such a drift to be heard (timing_v1). A query fragment that lies between two stored
-- ones is compared with the point between their embeddings (similarity_between_v1). Where stored fragments do not
-- overlap there is nothing between them: the place is scored as it is, by the query fragments that line up.
--
-- The similarities of the fragments at the best start come with it: rank_v1 looks at each of them. The coverage is the
-- share of the fragments that were looked up, which in a first look are not all.
CREATE FUNCTION songradar.align_v1(
    encoder integer,
    fragments songradar.query_fragment_v1[],
    neighbours songradar.neighbour_v1[],
    places songradar.place_v1[]
)
RETURNS SETOF songradar.alignment_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH timing AS MATERIALIZED (
    SELECT t.* FROM songradar.timing_v1(align_v1.encoder, align_v1.fragments) AS t
), part AS MATERIALIZED (
    SELECT f.number, f.offset_s, f.embedding FROM unnest(align_v1.fragments) AS f
), place AS MATERIALIZED (
    SELECT p.song_id, p.start_s, p.is_chosen FROM unnest(align_v1.places) AS p
), vote AS MATERIALIZED (
    SELECT n.song_id, n.number, part.offset_s, n.position * timing.hop_s - part.offset_s AS start_s
      FROM unnest(align_v1.neighbours) AS n
     CROSS JOIN timing
      JOIN part ON part.number = n.number
     WHERE n.among_all
       AND n.song_id IN (SELECT place.song_id FROM place)
), stored AS MATERIALIZED (
    SELECT near.*, 1 - halfvec_l2_squared_distance(near.embedding, near.next_embedding) / 2 AS to_next
      FROM (SELECT stretch.song_id, f.position, f.embedding,
                   CASE WHEN stretch.overlapping AND lead(f.position) OVER along = f.position + 1
                        THEN lead(f.embedding) OVER along END AS next_embedding
              FROM (SELECT place.song_id, timing.overlapping,
                           floor((place.start_s + timing.first_s - timing.drift_s) / timing.hop_s)::integer - 1
                               AS first,
                           ceil((place.start_s + timing.last_s + timing.drift_s) / timing.hop_s)::integer + 1 AS last
                      FROM place
                     CROSS JOIN timing) AS stretch
              JOIN songradar.fragments AS f
                ON f.encoder_id = align_v1.encoder AND f.song_id = stretch.song_id
               AND f.position BETWEEN stretch.first AND stretch.last
            WINDOW along AS (PARTITION BY stretch.song_id ORDER BY f.position)) AS near
), laid AS MATERIALIZED (
    SELECT place.song_id, part.number, part.embedding, (place.start_s + part.offset_s) / timing.hop_s AS hops,
           (part.offset_s - timing.middle_s) / greatest(timing.last_s - timing.first_s, 1e-3) AS from_middle
      FROM place
     CROSS JOIN timing
     CROSS JOIN part
), pair AS (
    SELECT laid.song_id, laid.number, stored.position, stored.to_next,
           1 - halfvec_l2_squared_distance(stored.embedding, laid.embedding) / 2 AS similarity,
           1 - halfvec_l2_squared_distance(stored.next_embedding, laid.embedding) / 2 AS next_similarity
      FROM laid
     CROSS JOIN timing
      JOIN stored
        ON stored.song_id = laid.song_id
       AND stored.position BETWEEN floor(laid.hops - timing.drift_s / timing.hop_s - 0.5)
                               AND ceil(laid.hops + timing.drift_s / timing.hop_s + 0.5)
), lined_up AS (
    SELECT laid.song_id, laid.number, trial.shift, trial.drift, whole.position, at.hops - whole.position AS far
      FROM (SELECT shift.number AS shift, drift.number AS drift, timing.overlapping, timing.hop_s, timing.query_hop_s
              FROM timing
             CROSS JOIN generate_series(-4, 4) AS shift (number)
             CROSS JOIN generate_series(-timing.n_drifts, timing.n_drifts) AS drift (number)
             WHERE timing.overlapping OR (shift.number = 0 AND drift.number = 0)) AS trial
     CROSS JOIN laid
     CROSS JOIN LATERAL (SELECT laid.hops + trial.shift / 8.0::double precision + trial.drift * laid.from_middle AS hops) AS at
     CROSS JOIN LATERAL (
           SELECT CASE WHEN trial.overlapping THEN floor(at.hops + 1e-3) ELSE round(at.hops) END::integer AS position
           ) AS whole
     WHERE trial.overlapping OR abs(at.hops - round(at.hops)) * trial.hop_s <= trial.query_hop_s / 2 + 1e-4
    OFFSET 0  -- its columns are computed here, so that similarity_between_v1 gets no expressions, and is inlined
), compared AS MATERIALIZED (
    SELECT lined_up.song_id, lined_up.shift, lined_up.drift, lined_up.number,
           CASE WHEN pair.similarity IS NULL THEN 0
                WHEN pair.next_similarity IS NULL THEN pair.similarity
                ELSE songradar.similarity_between_v1(
                     1 - lined_up.far, lined_up.far, pair.similarity, pair.next_similarity, pair.to_next)
           END AS similarity
      FROM lined_up
      LEFT JOIN pair
             ON pair.song_id = lined_up.song_id AND pair.number = lined_up.number
            AND pair.position = lined_up.position
), scored AS (
    SELECT compared.song_id, compared.shift, compared.drift, count(*) AS n_fragments, avg(compared.similarity) AS score
      FROM compared
     GROUP BY compared.song_id, compared.shift, compared.drift
), fitting AS MATERIALIZED (
    SELECT DISTINCT ON (scored.song_id) scored.*
      FROM scored
     ORDER BY scored.song_id, scored.score DESC, abs(scored.drift), scored.shift, scored.drift
), best AS MATERIALIZED (
    SELECT fitting.*, place.is_chosen, place.start_s + fitting.shift * timing.hop_s / 8 AS start_s,
           fitting.drift * timing.hop_s / greatest(timing.last_s - timing.first_s, 1e-3) AS slope
      FROM fitting
      JOIN place ON place.song_id = fitting.song_id
     CROSS JOIN timing
), profile AS (
    SELECT fitting.song_id, array_agg(compared.similarity ORDER BY part.number) AS similarities
      FROM fitting
     CROSS JOIN part
      LEFT JOIN compared
             ON compared.song_id = fitting.song_id AND compared.number = part.number
            AND compared.shift = fitting.shift AND compared.drift = fitting.drift
     GROUP BY fitting.song_id
)
SELECT best.song_id, best.is_chosen, best.start_s, best.start_s - best.slope * timing.middle_s, best.score,
       best.n_fragments, least(1, near.n::double precision / least(best.n_fragments, looked_up.n)), profile.similarities
  FROM best
 CROSS JOIN (SELECT count(DISTINCT n.number) AS n
               FROM unnest(align_v1.neighbours) AS n
              WHERE n.among_all) AS looked_up
 CROSS JOIN timing
 CROSS JOIN LATERAL (
       SELECT count(DISTINCT vote.number) AS n
         FROM vote
        WHERE vote.song_id = best.song_id
          AND abs(vote.start_s - best.start_s - best.slope * (vote.offset_s - timing.middle_s))
              < CASE WHEN timing.overlapping THEN timing.hop_s ELSE timing.query_hop_s / 2 END + 1e-4
       ) AS near
  JOIN profile ON profile.song_id = best.song_id;
END;
COMMENT ON FUNCTION songradar.align_v1 IS 'The exact start and the score of each of the leading songs.';
