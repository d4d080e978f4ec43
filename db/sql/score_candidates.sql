-- score_candidates: which songs a recording is a piece of, given the stored fragments nearest to each of its own.
--
-- Arguments  encoder          songradar.encoders.id; its spec gives the hops, its calibration the confidence
--            query            the recording's fragments, as query_fragments returns them
--            query_offset_s   where in the recording each of them starts, in seconds
--            near_number      of each neighbour: the query fragment it is near to, counted from 1,
--            near_song_id       its song,
--            near_position      its position there,
--            near_distance      its distance,
--            near_among_all     and whether it is so near among all songs, not just among the chosen
--            max_matches      rows wanted
--            candidates       places that are scored by all their fragments; where a song's hop holds several of the
--                             query's, that many times as many
--            songs            songs that may be the answer, NULL for all; others are scored as their rivals
-- Result     as of match_v1
--
-- 1. A neighbour votes for the start of the recording within its song. True neighbours agree on it (Wang 2003), to
--    within a query hop, or 2 % of a long recording, which may be played a little fast: neighbouring bins count
--    together.
-- 2. The places with most votes, a few of each song, are scored over ALL query fragments, each compared with the nearer
--    of the two stored ones that it lies between.
-- 3. The ten best songs, or max_matches, are scored again at nine starts within half a hop, and as if played up to
--    4.5 % slower or faster, as far as the recording's length lets such a drift be heard (but by no more than 20 hops).
--    A query fragment that lies between two stored ones is compared with the point between their embeddings: where
--    fragments overlap, that is nearly the embedding of the sound between them. (Encoders whose fragments do not
--    overlap compare only query fragments that line up with stored ones.)
-- 4. Another song whose stored fragments lie on the leader's for ten seconds along the alignment is the same recording,
--    a twin, and no rival. Twins' similarity is 0.78 and more in 99 of 100 places, whatever the files' lossy format and
--    first sample; 16 fragments in a row of two recordings, aligned at best among 60, reach 0.52. (To encoders whose
--    fragments do not overlap, different recordings may look as much alike: they have no twins.)
-- 5. Evidence becomes a probability by the logistic weights in encoders.calibration: of the logarithm of the mean
--    squared distance (1 - score), of its ratio to the best rival's, of coverage and of the number of fragments. Where
--    there is no rival at all, other weights say what distance, coverage and number prove on their own.
CREATE FUNCTION songradar.score_candidates(
    encoder integer,
    query halfvec[],
    query_offset_s double precision[],
    near_number bigint[],
    near_song_id integer[],
    near_position integer[],
    near_distance double precision[],
    near_among_all boolean[],
    max_matches integer DEFAULT 5,
    candidates integer DEFAULT 40,
    songs integer[] DEFAULT NULL
)
RETURNS SETOF songradar.match_row
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH rule AS (
    SELECT (e.spec ->> 'hop_s')::double precision AS hop_s,
           (e.spec ->> 'query_hop_s')::double precision AS query_hop_s,
           (e.spec ->> 'hop_s')::double precision < (e.spec ->> 'fragment_s')::double precision AS overlapping,
           greatest(1, round((e.spec ->> 'hop_s')::numeric / (e.spec ->> 'query_hop_s')::numeric)) AS n_phases,
           e.calibration AS weights
      FROM songradar.encoders AS e
     WHERE e.id = score_candidates.encoder
), part AS MATERIALIZED (
    SELECT u.number, u.embedding, u.offset_s
      FROM unnest(score_candidates.query, score_candidates.query_offset_s)
           WITH ORDINALITY AS u (embedding, offset_s, number)
), span AS MATERIALIZED (
    SELECT ends.first_s, ends.last_s, (ends.first_s + ends.last_s) / 2 AS middle_s,
           greatest(rule.query_hop_s, 0.02 * (ends.last_s - ends.first_s)) AS tolerance_s,
           drifts.n AS n_drifts, drifts.n * rule.hop_s / 2 AS drift_s
      FROM (SELECT min(part.offset_s) AS first_s, max(part.offset_s) AS last_s FROM part) AS ends
     CROSS JOIN rule
     CROSS JOIN LATERAL (
           SELECT least(20, round(0.045 * (ends.last_s - ends.first_s) / rule.hop_s))::integer AS n
           ) AS drifts
), neighbour AS MATERIALIZED (
    SELECT u.song_id, u.distance, u.among_all, part.number, part.offset_s AS part_s,
           u.position * rule.hop_s - part.offset_s AS start_s
      FROM unnest(score_candidates.near_number, score_candidates.near_song_id, score_candidates.near_position,
                  score_candidates.near_distance, score_candidates.near_among_all)
           AS u (number, song_id, position, distance, among_all)
     CROSS JOIN rule
      JOIN part ON part.number = u.number
), bin AS (
    SELECT n.song_id, round(n.start_s / span.tolerance_s) AS number,
           sum(greatest(1 - n.distance ^ 2 / 2, 0)) AS weight,
           (array_agg(n.start_s ORDER BY n.distance))[1] AS start_s
      FROM neighbour AS n
     CROSS JOIN span
     GROUP BY n.song_id, round(n.start_s / span.tolerance_s)
), peak AS (
    SELECT bin.song_id, bin.start_s, bin.number, sum(bin.weight) OVER around + bin.weight AS votes
      FROM bin
    WINDOW around AS (PARTITION BY bin.song_id ORDER BY bin.number RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)
), summit AS (
    SELECT peak.*, max(peak.votes) OVER around AS highest
      FROM peak
    WINDOW around AS (PARTITION BY peak.song_id ORDER BY peak.number RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)
), place AS MATERIALIZED (
    SELECT row_number() OVER () AS id, ordered.song_id, ordered.start_s, ordered.is_chosen
      FROM (SELECT turned.*,
                   row_number() OVER (PARTITION BY turned.is_chosen
                                      ORDER BY turned.votes DESC, turned.song_id, turned.start_s) AS standing
              FROM (SELECT summit.*,
                           score_candidates.songs IS NULL
                           OR summit.song_id IN (SELECT unnest(score_candidates.songs)) AS is_chosen,
                           row_number() OVER (PARTITION BY summit.song_id ORDER BY summit.votes DESC, summit.start_s)
                               AS turn
                      FROM summit
                     CROSS JOIN rule
                     WHERE summit.votes = summit.highest
                        OR NOT rule.overlapping  -- one phase in so many lines up
                   ) AS turned
             CROSS JOIN rule
             WHERE turned.turn <= 1 + rule.n_phases  -- a song that resembles itself everywhere leaves room for others
           ) AS ordered
     CROSS JOIN rule
     WHERE ordered.standing <= score_candidates.candidates * rule.n_phases
), stored AS MATERIALIZED (
    SELECT stretch.id, f.position, f.embedding
      FROM (SELECT place.id, place.song_id,
                   floor((place.start_s + span.first_s - span.drift_s) / rule.hop_s)::integer - 1 AS first,
                   ceil((place.start_s + span.last_s + span.drift_s) / rule.hop_s)::integer + 1 AS last
              FROM place
             CROSS JOIN rule
             CROSS JOIN span) AS stretch
      JOIN songradar.fragments AS f
        ON f.encoder_id = score_candidates.encoder AND f.song_id = stretch.song_id
       AND f.position BETWEEN stretch.first AND stretch.last
), rough AS (
    SELECT place.id, place.song_id, place.is_chosen, place.start_s,
           avg(coalesce(1 - least(before.embedding <-> part.embedding, after.embedding <-> part.embedding) ^ 2 / 2, 0))
               AS score
      FROM place
     CROSS JOIN rule
     CROSS JOIN part
     CROSS JOIN LATERAL (SELECT (place.start_s + part.offset_s) / rule.hop_s AS hops) AS place_at
      LEFT JOIN stored AS before
             ON before.id = place.id
            AND before.position = CASE WHEN rule.overlapping THEN floor(place_at.hops + 1e-3)
                                       ELSE round(place_at.hops) END::integer
      LEFT JOIN stored AS after
             ON after.id = place.id AND after.position = ceil(place_at.hops - 1e-3)::integer AND rule.overlapping
     WHERE rule.overlapping OR abs(place_at.hops - round(place_at.hops)) * rule.hop_s <= rule.query_hop_s / 2 + 1e-4
     GROUP BY place.id, place.song_id, place.is_chosen, place.start_s
), leader AS MATERIALIZED (
    SELECT ordered.*
      FROM (SELECT best.*,
                   row_number() OVER (PARTITION BY best.is_chosen ORDER BY best.score DESC, best.song_id) AS standing
              FROM (SELECT DISTINCT ON (rough.song_id) rough.*
                      FROM rough
                     ORDER BY rough.song_id, rough.score DESC, rough.start_s) AS best) AS ordered
     WHERE ordered.standing <= greatest(score_candidates.max_matches, 10)
), cell AS MATERIALIZED (
    SELECT near.*,
           CASE WHEN lead(near.position) OVER along = near.position + 1
                THEN lead(near.similarity) OVER along END AS next_similarity
      FROM (SELECT leader.id, part.number, led.position, led.to_next,
                   1 - (led.embedding <-> part.embedding) ^ 2 / 2 AS similarity
              FROM leader
             CROSS JOIN rule
             CROSS JOIN span
             CROSS JOIN part
              JOIN (SELECT stored.*,
                           CASE WHEN lead(stored.position) OVER next = stored.position + 1
                                THEN 1 - (stored.embedding <-> lead(stored.embedding) OVER next) ^ 2 / 2 END AS to_next
                      FROM stored
                     WHERE stored.id IN (SELECT leader.id FROM leader)
                    WINDOW next AS (PARTITION BY stored.id ORDER BY stored.position)) AS led
                ON led.id = leader.id
               AND led.position
                   BETWEEN floor((leader.start_s + part.offset_s - span.drift_s) / rule.hop_s - 0.5)
                       AND ceil((leader.start_s + part.offset_s + span.drift_s) / rule.hop_s + 0.5)) AS near
    WINDOW along AS (PARTITION BY near.id, near.number ORDER BY near.position)
), trial AS (
    SELECT leader.id, leader.song_id, leader.is_chosen, leader.start_s + shift.number * rule.hop_s / 8 AS start_s,
           drift.number * rule.hop_s / greatest(span.last_s - span.first_s, 1e-3) AS drift
      FROM leader
     CROSS JOIN rule
     CROSS JOIN span
     CROSS JOIN generate_series(-4, 4) AS shift (number)
     CROSS JOIN generate_series(-span.n_drifts, span.n_drifts) AS drift (number)
     WHERE rule.overlapping OR (shift.number = 0 AND drift.number = 0)
), lined AS (
    SELECT trial.*, part.number, place_at.hops,
           CASE WHEN rule.overlapping THEN floor(place_at.hops + 1e-3) ELSE round(place_at.hops) END AS position
      FROM trial
     CROSS JOIN rule
     CROSS JOIN span
     CROSS JOIN part
     CROSS JOIN LATERAL (
           SELECT (trial.start_s + part.offset_s + trial.drift * (part.offset_s - span.middle_s)) / rule.hop_s AS hops
           ) AS place_at
     WHERE rule.overlapping OR abs(place_at.hops - round(place_at.hops)) * rule.hop_s <= rule.query_hop_s / 2 + 1e-4
), alignment AS (
    SELECT lined.song_id, lined.is_chosen, lined.start_s, lined.drift, count(*) AS n_fragments,
           avg(CASE WHEN cell.similarity IS NULL THEN 0
                    WHEN cell.next_similarity IS NULL OR NOT rule.overlapping THEN cell.similarity
                    ELSE (away.near * cell.similarity + away.far * cell.next_similarity)
                         / sqrt(away.near ^ 2 + away.far ^ 2 + 2 * away.near * away.far * cell.to_next)
               END) AS score
      FROM lined
     CROSS JOIN rule
     CROSS JOIN LATERAL (SELECT 1 - lined.hops + lined.position AS near, lined.hops - lined.position AS far) AS away
      LEFT JOIN cell
             ON cell.id = lined.id AND cell.number = lined.number AND cell.position = lined.position
     GROUP BY lined.song_id, lined.is_chosen, lined.start_s, lined.drift
), best AS MATERIALIZED (
    SELECT DISTINCT ON (a.song_id) a.*
      FROM alignment AS a
     ORDER BY a.song_id, a.score DESC, abs(a.drift), a.start_s
), song AS MATERIALIZED (
    SELECT best.song_id, best.is_chosen, best.start_s AS middle_start_s,
           best.start_s - best.drift * span.middle_s AS start_s, best.score, best.n_fragments,
           least(1, near.n::double precision / best.n_fragments) AS coverage
      FROM best
     CROSS JOIN span
     CROSS JOIN LATERAL (
           SELECT count(DISTINCT n.number) AS n
             FROM neighbour AS n
            CROSS JOIN rule
            WHERE n.song_id = best.song_id
              AND n.among_all
              AND abs(n.start_s - best.start_s - best.drift * (n.part_s - span.middle_s))
                  < CASE WHEN rule.overlapping THEN rule.hop_s ELSE rule.query_hop_s / 2 END + 1e-4
           ) AS near
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
     CROSS JOIN rule
     CROSS JOIN span
     CROSS JOIN LATERAL (
           SELECT greatest(5, span.last_s - span.middle_s, 2 * rule.hop_s) AS half_s,
                  (first.middle_start_s - song.middle_start_s) / rule.hop_s AS shift
           ) AS beside
     CROSS JOIN LATERAL (
           SELECT whole.hops, beside.shift - whole.hops AS far, 1 - beside.shift + whole.hops AS near
             FROM floor(beside.shift + 1e-3) AS whole (hops)
           ) AS away
     CROSS JOIN LATERAL (
           SELECT avg((away.near * (1 - (f.embedding <-> before.embedding) ^ 2 / 2)
                       + away.far * coalesce(1 - (f.embedding <-> after.embedding) ^ 2 / 2, 0))
                      / sqrt(away.near ^ 2 + away.far ^ 2
                             + 2 * away.near * away.far
                               * coalesce(1 - (before.embedding <-> after.embedding) ^ 2 / 2, 0))) AS likeness
             FROM songradar.fragments AS f
             JOIN songradar.fragments AS before
               ON before.encoder_id = score_candidates.encoder AND before.song_id = first.song_id
              AND before.position = f.position + away.hops::integer
             LEFT JOIN songradar.fragments AS after
               ON after.encoder_id = score_candidates.encoder AND after.song_id = first.song_id
              AND after.position = before.position + 1
            WHERE f.encoder_id = score_candidates.encoder
              AND f.song_id = song.song_id
              AND f.position BETWEEN (song.middle_start_s + span.middle_s - beside.half_s) / rule.hop_s
                                 AND (song.middle_start_s + span.middle_s + beside.half_s) / rule.hop_s
           ) AS both_have
     WHERE song.song_id <> first.song_id
       AND rule.overlapping
       AND song.score > first.score / 2  -- others need not be looked up
       AND both_have.likeness > 0.7
), ranked AS (
    SELECT song.*, row_number() OVER (ORDER BY song.score DESC, song.song_id) AS place,
           song.score - max(rival.score) AS margin
      FROM song
     CROSS JOIN first
      LEFT JOIN song AS rival
             ON rival.song_id <> song.song_id
            AND (rival.song_id <> first.song_id AND rival.song_id NOT IN (SELECT twin.song_id FROM twin)
                 OR song.song_id <> first.song_id AND song.song_id NOT IN (SELECT twin.song_id FROM twin))
     WHERE song.is_chosen
     GROUP BY song.song_id, song.is_chosen, song.middle_start_s, song.start_s, song.score, song.n_fragments,
              song.coverage
), evidence AS (
    SELECT ranked.*, CASE WHEN ranked.margin IS NULL THEN rule.weights -> 'alone' ELSE rule.weights END AS weights,
           ln(greatest(1 - ranked.score, 1e-5)) AS log_distance,
           coalesce(ln(greatest(1 - ranked.score + ranked.margin, 1e-5) / greatest(1 - ranked.score, 1e-5)), 0)
               AS log_ratio
      FROM ranked
     CROSS JOIN rule
), judged AS (
    SELECT e.*, coalesce((e.weights ->> 'threshold')::double precision, 0.5) AS threshold,
           CASE WHEN e.weights IS NULL THEN least(greatest(e.score, 0), 1)
           ELSE 1 / (1 + exp(-least(greatest(
                  (e.weights ->> 'intercept')::double precision
                + (e.weights ->> 'log_distance')::double precision * e.log_distance
                + coalesce((e.weights ->> 'log_ratio')::double precision, 0) * e.log_ratio
                + (e.weights ->> 'coverage')::double precision * e.coverage
                + (e.weights ->> 'log_fragments')::double precision * ln(e.n_fragments)
                , -50), 50)))
           END AS probability
      FROM evidence AS e
)
SELECT judged.place::integer, judged.song_id, judged.start_s::real, judged.score::real, judged.coverage::real,
       judged.margin::real, judged.n_fragments::integer, judged.probability::real,
       judged.place = 1 AND judged.probability >= judged.threshold
  FROM judged
 ORDER BY judged.place
 LIMIT score_candidates.max_matches;
END;
COMMENT ON FUNCTION songradar.score_candidates IS
    'Which songs a recording is a piece of, given the stored fragments nearest to each of its own.';
