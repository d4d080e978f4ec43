-- match_v1: name the song that a recording is a piece of.
--
-- Arguments  encoder         songradar.encoders.id; its spec gives the hops, its calibration the confidence
--            query           embeddings of the recording's fragments, by that encoder, halfvec(128) each
--            query_offset_s  where in the recording each of them starts, in seconds; as many as `query`
--            max_matches     rows wanted
--            neighbours      nearest fragments looked up for each query fragment; at most hnsw.ef_search
--            candidates      alignments (song, start) that are scored exactly, for each phase of the query hop in
--                            the hop: only one phase in so many lines up with stored fragments, and votes cannot tell
-- Result     one row a song, best first; no row for an empty catalogue.
--            offset_s     where in the song the recording's first sample lies; negative if it began before the song
--            score        mean similarity, 1 - d^2/2, of the aligned fragments
--            coverage     share of them that were among the nearest neighbours in the whole catalogue
--            margin       score less that of the best other song; NULL if there is none
--            n_fragments  aligned fragments
--            confidence   probability that this is the song
--            accepted     whether it comes first and its confidence reached the encoder's threshold
--
-- 1. Each query fragment asks the index for its nearest fragments. Only a pure ORDER BY distance LIMIT can use it.
-- 2. A neighbour votes for the start of the recording within its song. True neighbours agree on it (Wang 2003), to
--    within one query hop: neighbouring bins are counted together.
-- 3. The leading alignments are scored over ALL their fragments, by exact distance, found by primary key. A query
--    fragment is aligned if a stored one starts within half a query hop of it.
-- 4. Evidence becomes a probability by the logistic weights in encoders.calibration: of the logarithm of the mean
--    squared distance (1 - score), of its ratio to the runner-up's, of coverage and of the number of fragments. Where
--    there is no other song, the ratio counts as its mean when the weights were fitted, log_ratio_alone.
--
-- Cost: query fragments * (index scan + candidates * primary key look-up), whatever the number of phases.
-- LANGUAGE sql without SET, so that it is inlined and the planner sees the constants; names are bound when it is
-- created, whatever search_path says later.
CREATE FUNCTION songradar.match_v1(
    encoder integer,
    query halfvec[],
    query_offset_s real[],
    max_matches integer DEFAULT 5,
    neighbours integer DEFAULT 20,
    candidates integer DEFAULT 20
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
           greatest(1, round((e.spec ->> 'hop_s')::numeric / (e.spec ->> 'query_hop_s')::numeric)) AS n_phases,
           e.calibration AS weights
      FROM songradar.encoders AS e
     WHERE e.id = match_v1.encoder
), part AS MATERIALIZED (
    SELECT u.embedding, u.offset_s::double precision AS offset_s
      FROM unnest(match_v1.query, match_v1.query_offset_s) AS u (embedding, offset_s)
), neighbour AS MATERIALIZED (
    SELECT near.song_id, near.position, near.distance, part.offset_s AS part_s,
           near.position * rule.hop_s - part.offset_s AS start_s
      FROM rule
     CROSS JOIN part
     CROSS JOIN LATERAL (
           SELECT f.song_id, f.position, f.embedding <-> part.embedding AS distance
             FROM songradar.fragments AS f
            WHERE f.encoder_id = match_v1.encoder
            ORDER BY f.embedding <-> part.embedding
            LIMIT match_v1.neighbours
           ) AS near
), bin AS (
    SELECT n.song_id, round(n.start_s / rule.query_hop_s) AS number,
           sum(greatest(1 - n.distance ^ 2 / 2, 0)) AS weight,
           (array_agg(n.start_s ORDER BY n.distance))[1] AS start_s
      FROM neighbour AS n
     CROSS JOIN rule
     GROUP BY n.song_id, number
), peak AS (
    SELECT bin.song_id, bin.start_s, bin.weight, rule.n_phases,
           sum(bin.weight) OVER (
               PARTITION BY bin.song_id ORDER BY bin.number RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING
           ) AS votes
      FROM bin
     CROSS JOIN rule
), candidate AS MATERIALIZED (
    SELECT ordered.song_id, ordered.start_s
      FROM (SELECT peak.*,
                   row_number() OVER (PARTITION BY peak.song_id ORDER BY peak.votes DESC, peak.weight DESC, peak.start_s)
                       AS turn
              FROM peak) AS ordered
     WHERE ordered.turn <= 4 * ordered.n_phases  -- a song that resembles itself everywhere leaves room for others
     ORDER BY ordered.votes DESC, ordered.weight DESC, ordered.song_id, ordered.start_s
     LIMIT match_v1.candidates * (SELECT rule.n_phases FROM rule)
), pair AS (
    SELECT c.song_id, c.start_s, part.embedding, part.offset_s AS part_s,
           round((c.start_s + part.offset_s) / rule.hop_s)::integer AS position
      FROM candidate AS c
     CROSS JOIN part
     CROSS JOIN rule
     WHERE abs(c.start_s + part.offset_s - rule.hop_s * round((c.start_s + part.offset_s) / rule.hop_s))
           <= rule.query_hop_s / 2 + 1e-4
), alignment AS (
    SELECT pair.song_id, pair.start_s,
           avg(coalesce(1 - (f.embedding <-> pair.embedding) ^ 2 / 2, 0)) AS score,
           avg((n.song_id IS NOT NULL)::integer)::double precision AS coverage,
           count(*) AS n_fragments
      FROM pair
      LEFT JOIN songradar.fragments AS f
             ON f.encoder_id = match_v1.encoder AND f.song_id = pair.song_id AND f.position = pair.position
      LEFT JOIN neighbour AS n
             ON n.song_id = pair.song_id AND n.position = pair.position AND n.part_s = pair.part_s
     GROUP BY pair.song_id, pair.start_s
), song AS (
    SELECT DISTINCT ON (a.song_id) a.*
      FROM alignment AS a
     ORDER BY a.song_id, a.score DESC, a.n_fragments DESC, a.start_s
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
