-- match_v1: name the song that a recording is a piece of.
--
-- Arguments  encoder         songradar.encoders.id; its spec gives the hops, its calibration the confidence
--            query           embeddings of the recording's fragments, by that encoder, halfvec(128) each
--            query_offset_s  where in the recording each of them starts, in seconds; as many as `query`
--            max_matches     rows wanted
--            neighbours      nearest fragments looked up for each query fragment; at most hnsw.ef_search
--            candidates      places (song, start) that are scored exactly
--            exact           look the nearest fragments up without the index, among all: what the index is measured by
-- Result     one row a song, best first; no row for an empty catalogue.
--            offset_s     where in the song the recording's first sample lies; negative if it began before the song
--            score        mean similarity, 1 - d^2/2, of the query's fragments, as in step 0, with the song where they lie
--            coverage     share of them that had that place among their nearest neighbours in the whole catalogue
--            margin       score less that of the best other song; NULL if there is none
--            n_fragments  query fragments compared
--            confidence   probability that this is the song
--            accepted     whether it comes first and its confidence reached the encoder's threshold
--
-- 0. What all fragments of the recording have in common is the noise, the room and the device as much as the music: where
--    fragments overlap, most of their mean is taken from each, the more the longer the recording, and the rest brought
--    back to length 1.
-- 1. Each query fragment asks the index for its nearest fragments. Only a pure ORDER BY distance LIMIT can use it.
-- 2. A neighbour votes for the start of the recording within its song. True neighbours agree on it (Wang 2003), to
--    within a query hop, or 2 % of a long recording, which may be played a little fast: neighbouring bins count together.
-- 3. The leading places are scored over ALL query fragments, by exact distance, at five starts within half a hop.
--    A query fragment that lies between two stored ones is compared with the point between their embeddings: where
--    fragments overlap, that is nearly the embedding of the sound between them. (Encoders whose fragments do not overlap
--    compare only query fragments that line up with stored ones.)
-- 4. The ten best songs, or max_matches, are scored again at finer starts, and as if played up to 4.5 % slower or faster,
--    as far as the recording's length lets such a drift be heard.
-- 5. Evidence becomes a probability by the logistic weights in encoders.calibration: of the logarithm of the mean
--    squared distance (1 - score), of its ratio to the runner-up's, of coverage and of the number of fragments. Where
--    there is no other song, the ratio counts as its mean when the weights were fitted, log_ratio_alone.
--
-- Of more than 128 fragments, that is of recordings longer than half a minute, every second is compared, or every third
-- ..., and no drift of more than 20 hops is followed: so the work does not grow without bound.
--
-- LANGUAGE sql without SET, so that it is inlined and the planner sees the constants; names are bound when it is
-- created, whatever search_path says later.
CREATE FUNCTION songradar.match_v1(
    encoder integer,
    query halfvec[],
    query_offset_s real[],
    max_matches integer DEFAULT 5,
    neighbours integer DEFAULT 20,
    candidates integer DEFAULT 20,
    exact boolean DEFAULT false
)
RETURNS TABLE (
    rank integer,
    song_id integer,
    offset_s real,
    score real,
    coverage real,
    margin real,
    n_fragments integer,
    confidence real,
    accepted boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH rule AS (
    SELECT (e.spec ->> 'hop_s')::double precision AS hop_s,
           (e.spec ->> 'query_hop_s')::double precision AS query_hop_s,
           (e.spec ->> 'hop_s')::double precision < (e.spec ->> 'fragment_s')::double precision AS overlapping,
           greatest(1, round((e.spec ->> 'hop_s')::numeric / (e.spec ->> 'query_hop_s')::numeric)) AS n_phases,
           e.calibration AS weights
      FROM songradar.encoders AS e
     WHERE e.id = match_v1.encoder
), heard AS MATERIALIZED (
    SELECT u.number, u.embedding, u.offset_s::double precision AS offset_s
      FROM unnest(match_v1.query, match_v1.query_offset_s) WITH ORDINALITY AS u (embedding, offset_s, number)
     WHERE (u.number - 1) % (1 + (cardinality(match_v1.query) - 1) / 128) < 1  -- of "= 0", the planner expects one row
), ends AS MATERIALIZED (
    SELECT min(heard.offset_s) AS first_s, max(heard.offset_s) AS last_s, avg(heard.embedding) AS middle,
           0.8 * (max(heard.offset_s) - min(heard.offset_s)) / (1 + max(heard.offset_s) - min(heard.offset_s)) AS share
      FROM heard
), part AS MATERIALIZED (
    SELECT heard.number, heard.offset_s,
           CASE WHEN rule.overlapping
                THEN l2_normalize(heard.embedding - ends.middle * array_fill(ends.share, ARRAY[128])::halfvec)
                ELSE heard.embedding END AS embedding
      FROM heard
     CROSS JOIN ends
     CROSS JOIN rule
), span AS MATERIALIZED (
    SELECT ends.first_s, ends.last_s, (ends.first_s + ends.last_s) / 2 AS middle_s,
           greatest(rule.query_hop_s, 0.02 * (ends.last_s - ends.first_s)) AS tolerance_s,
           drifts.n AS n_drifts, drifts.n * rule.hop_s / 2 AS drift_s
      FROM ends
     CROSS JOIN rule
     CROSS JOIN LATERAL (
           SELECT least(20, round(0.045 * (ends.last_s - ends.first_s) / rule.hop_s))::integer AS n
           ) AS drifts
), neighbour AS MATERIALIZED (
    SELECT near.song_id, near.distance, part.number, part.offset_s AS part_s,
           near.position * rule.hop_s - part.offset_s AS start_s
      FROM rule
     CROSS JOIN part
     CROSS JOIN LATERAL (
           (SELECT f.song_id, f.position, f.embedding <-> part.embedding AS distance
              FROM songradar.fragments AS f
             WHERE f.encoder_id = match_v1.encoder AND NOT match_v1.exact
             ORDER BY f.embedding <-> part.embedding
             LIMIT match_v1.neighbours)
            UNION ALL
           (SELECT f.song_id, f.position, f.embedding <-> part.embedding AS distance
              FROM songradar.fragments AS f
             WHERE f.encoder_id = match_v1.encoder AND match_v1.exact
             ORDER BY (f.embedding <-> part.embedding) + 0  -- no index has this order
             LIMIT match_v1.neighbours)
           ) AS near
), bin AS (
    SELECT n.song_id, round(n.start_s / span.tolerance_s) AS number,
           sum(greatest(1 - n.distance ^ 2 / 2, 0)) AS weight,
           (array_agg(n.start_s ORDER BY n.distance))[1] AS start_s
      FROM neighbour AS n
     CROSS JOIN span
     GROUP BY n.song_id, round(n.start_s / span.tolerance_s)
), peak AS (
    SELECT bin.song_id, bin.start_s, bin.weight,
           sum(bin.weight) OVER (
               PARTITION BY bin.song_id ORDER BY bin.number RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING
           ) AS votes
      FROM bin
), place AS MATERIALIZED (
    SELECT row_number() OVER () AS id, ordered.song_id, ordered.start_s
      FROM (SELECT peak.*,
                   row_number() OVER (PARTITION BY peak.song_id ORDER BY peak.votes DESC, peak.weight DESC, peak.start_s)
                       AS turn
              FROM peak) AS ordered
     CROSS JOIN rule
     WHERE ordered.turn <= 4 * rule.n_phases  -- a song that resembles itself everywhere leaves room for others
     ORDER BY ordered.votes DESC, ordered.weight DESC, ordered.song_id, ordered.start_s
     LIMIT match_v1.candidates
         * (SELECT CASE WHEN rule.overlapping THEN 1 ELSE rule.n_phases END FROM rule)  -- one phase in so many lines up
), stored AS MATERIALIZED (
    SELECT place.id, f.position, f.embedding,
           CASE WHEN lead(f.position) OVER along = f.position + 1
                THEN 1 - (f.embedding <-> lead(f.embedding) OVER along) ^ 2 / 2 END AS to_next
      FROM place
     CROSS JOIN rule
     CROSS JOIN span
      JOIN songradar.fragments AS f
        ON f.encoder_id = match_v1.encoder AND f.song_id = place.song_id
       AND f.position BETWEEN floor((place.start_s + span.first_s - span.drift_s) / rule.hop_s) - 1
                          AND ceil((place.start_s + span.last_s + span.drift_s) / rule.hop_s) + 1
    WINDOW along AS (PARTITION BY place.id ORDER BY f.position)
), cell AS MATERIALIZED (
    SELECT near.*,
           CASE WHEN lead(near.position) OVER along = near.position + 1
                THEN lead(near.similarity) OVER along END AS next_similarity
      FROM (SELECT stored.id, part.number, stored.position, stored.to_next,
                   1 - (stored.embedding <-> part.embedding) ^ 2 / 2 AS similarity
              FROM place
             CROSS JOIN rule
             CROSS JOIN span
             CROSS JOIN part
              JOIN stored
                ON stored.id = place.id
               AND stored.position
                   BETWEEN floor((place.start_s + part.offset_s - span.drift_s) / rule.hop_s - 0.5)
                       AND ceil((place.start_s + part.offset_s + span.drift_s) / rule.hop_s + 0.5)) AS near
    WINDOW along AS (PARTITION BY near.id, near.number ORDER BY near.position)
), rough AS (
    SELECT place.id, place.song_id, place.start_s, avg(coalesce(cell.similarity, 0)) AS score
      FROM place
     CROSS JOIN rule
     CROSS JOIN part
     CROSS JOIN LATERAL (SELECT (place.start_s + part.offset_s) / rule.hop_s AS hops) AS exact
      LEFT JOIN cell
             ON cell.id = place.id AND cell.number = part.number AND cell.position = round(exact.hops)
     WHERE rule.overlapping OR abs(exact.hops - round(exact.hops)) * rule.hop_s <= rule.query_hop_s / 2 + 1e-4
     GROUP BY place.id, place.song_id, place.start_s
), leader AS MATERIALIZED (
    SELECT best.*
      FROM (SELECT DISTINCT ON (rough.song_id) rough.*
              FROM rough
             ORDER BY rough.song_id, rough.score DESC, rough.start_s) AS best
     ORDER BY best.score DESC, best.song_id
     LIMIT greatest(match_v1.max_matches, 10)
), trial AS (
    SELECT leader.id, leader.song_id, leader.start_s + shift.number * rule.hop_s / 8 AS start_s,
           drift.number * rule.hop_s / greatest(span.last_s - span.first_s, 1e-3) AS drift
      FROM leader
     CROSS JOIN rule
     CROSS JOIN span
     CROSS JOIN generate_series(-4, 4) AS shift (number)
     CROSS JOIN generate_series(-span.n_drifts, span.n_drifts) AS drift (number)
     WHERE rule.overlapping OR (shift.number = 0 AND drift.number = 0)
), lined AS (
    SELECT trial.*, part.number, exact.hops,
           CASE WHEN rule.overlapping THEN floor(exact.hops + 1e-3) ELSE round(exact.hops) END AS position
      FROM trial
     CROSS JOIN rule
     CROSS JOIN span
     CROSS JOIN part
     CROSS JOIN LATERAL (
           SELECT (trial.start_s + part.offset_s + trial.drift * (part.offset_s - span.middle_s)) / rule.hop_s AS hops
           ) AS exact
     WHERE rule.overlapping OR abs(exact.hops - round(exact.hops)) * rule.hop_s <= rule.query_hop_s / 2 + 1e-4
), alignment AS (
    SELECT lined.song_id, lined.start_s, lined.drift, count(*) AS n_fragments,
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
     GROUP BY lined.song_id, lined.start_s, lined.drift
), best AS MATERIALIZED (
    SELECT DISTINCT ON (a.song_id) a.*
      FROM alignment AS a
     ORDER BY a.song_id, a.score DESC, abs(a.drift), a.start_s
), song AS (
    SELECT best.song_id, best.start_s - best.drift * span.middle_s AS start_s, best.score, best.n_fragments,
           least(1, near.n::double precision / best.n_fragments) AS coverage
      FROM best
     CROSS JOIN span
     CROSS JOIN LATERAL (
           SELECT count(DISTINCT n.number) AS n
             FROM neighbour AS n
            CROSS JOIN rule
            WHERE n.song_id = best.song_id
              AND abs(n.start_s - best.start_s - best.drift * (n.part_s - span.middle_s))
                  < CASE WHEN rule.overlapping THEN rule.hop_s ELSE rule.query_hop_s / 2 END + 1e-4
           ) AS near
), ranked AS (
    SELECT song.*,
           row_number() OVER best_first AS place,
           song.score - CASE row_number() OVER best_first
               WHEN 1 THEN lead(song.score) OVER best_first
               ELSE first_value(song.score) OVER best_first
           END AS margin
      FROM song
    WINDOW best_first AS (ORDER BY song.score DESC, song.song_id)
), judged AS (
    SELECT ranked.*, coalesce((rule.weights ->> 'threshold')::double precision, 0.5) AS threshold,
           CASE WHEN rule.weights IS NULL THEN least(greatest(ranked.score, 0), 1)
           ELSE 1 / (1 + exp(-least(greatest(
                  (rule.weights ->> 'intercept')::double precision
                + (rule.weights ->> 'log_distance')::double precision * ln(greatest(1 - ranked.score, 1e-5))
                + (rule.weights ->> 'log_ratio')::double precision
                  * CASE WHEN ranked.margin IS NULL
                         THEN coalesce((rule.weights ->> 'log_ratio_alone')::double precision, 0)
                         ELSE ln(greatest(1 - ranked.score + ranked.margin, 1e-5) / greatest(1 - ranked.score, 1e-5))
                    END
                + (rule.weights ->> 'coverage')::double precision * ranked.coverage
                + (rule.weights ->> 'log_fragments')::double precision * ln(ranked.n_fragments)
                , -50), 50)))
           END AS probability
      FROM ranked
     CROSS JOIN rule
)
SELECT judged.place::integer, judged.song_id, judged.start_s::real, judged.score::real, judged.coverage::real,
       judged.margin::real, judged.n_fragments::integer, judged.probability::real,
       judged.place = 1 AND judged.probability >= judged.threshold
  FROM judged
 ORDER BY judged.place
 LIMIT match_v1.max_matches;
END;
COMMENT ON FUNCTION songradar.match_v1 IS
    'Name the song that a recording, given as embeddings of its fragments, is a piece of.';
