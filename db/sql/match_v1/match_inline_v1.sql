-- match_inline_v1: one look of match_v1, without its checks and settings, and therefore inlined: EXPLAIN shows its plan.
-- For `songradar search --explain`.
--
-- Arguments  as of match_v1, and
--            songs     that may be the answer, NULL for all
--            thorough  whether to look as far as the encoder's columns say, or further for a short recording
--                      (further_v1); else a first look, with a quarter of the neighbours, codes and places, and for a
--                      fifth of the recording's fragments, evenly spread, but at least four. The lists are set by
--                      set_reach_v1. Either way the places are scored, aligned and ranked by all fragments.
--
-- Evidence counts the same in both looks: what a fragment has beyond its twentieth neighbour, however many vote. A
-- fragment that was not looked up is taken to have its twentieth neighbour as far away as the others on average.
--
-- With a choice of songs, neighbours are looked for twice: among all songs, as evidence, and among the chosen, so that
-- these are found at all.
--
-- Among few songs, all fragments are compared, which takes less time than to go through the index until it has met
-- enough of theirs: the time of the one grows with their number, that of the other as their share of the catalogue
-- falls (whose size is the planner's estimate). For 200 of 7,000 songs and a recording of 5 s, either takes 0.1 s.
CREATE FUNCTION songradar.match_inline_v1(
    encoder integer,
    query halfvec[],
    query_offset_s real[],
    max_matches integer DEFAULT 5,
    exact boolean DEFAULT false,
    songs integer[] DEFAULT NULL,
    thorough boolean DEFAULT true
)
RETURNS SETOF songradar.match_row_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH index AS MATERIALIZED (
    SELECT greatest(e.neighbours / look.parts, 1) AS neighbours,
           greatest(e.looked_at * look.further / look.parts, 1)::integer AS looked_at,
           greatest(e.candidates / look.parts, 1) AS candidates,
           (SELECT nullif(count(*), 200)
              FROM (SELECT FROM songradar.encodings AS s WHERE s.encoder_id = e.id LIMIT 200) AS encoded) AS n_songs,
           cardinality(match_inline_v1.songs) <= 2.5 * sqrt(greatest(c.reltuples, 1000)) AS few_songs
      FROM songradar.encoders AS e
     CROSS JOIN (SELECT CASE WHEN match_inline_v1.thorough THEN 1 ELSE 4 END AS parts,
                        CASE WHEN match_inline_v1.thorough
                             THEN songradar.further_v1(cardinality(match_inline_v1.query)) ELSE 1 END AS further) AS look
      JOIN pg_class AS c ON c.oid = 'songradar.songs'::regclass
     WHERE e.id = match_inline_v1.encoder
), part AS MATERIALIZED (
    SELECT p.number, p.offset_s, p.embedding
      FROM songradar.query_fragments_v1(
           match_inline_v1.encoder, match_inline_v1.query, match_inline_v1.query_offset_s
           ) AS p
), looked_up AS MATERIALIZED (
    SELECT part.number, part.embedding
      FROM part
     CROSS JOIN (SELECT count(*) AS n, greatest((count(*) + 2) / 5, 4) AS n_few FROM part) AS all_parts
     WHERE match_inline_v1.thorough
        OR part.number * all_parts.n_few / all_parts.n > (part.number - 1) * all_parts.n_few / all_parts.n
), near AS MATERIALIZED (
    SELECT found.number, found.song_id, found.position, min(found.distance) AS distance,
           bool_or(found.among_all) AS among_all
      FROM (SELECT looked_up.number, nearest.*, true AS among_all
              FROM looked_up
             CROSS JOIN index
             CROSS JOIN LATERAL songradar.nearest_fragments_v1(
                   match_inline_v1.encoder, looked_up.embedding, index.neighbours, index.looked_at, match_inline_v1.exact
                   ) AS nearest
             UNION ALL
            SELECT looked_up.number, nearest.*, false
              FROM looked_up
             CROSS JOIN index
             CROSS JOIN LATERAL songradar.nearest_fragments_v1(
                   match_inline_v1.encoder, looked_up.embedding, index.neighbours, index.looked_at,
                   match_inline_v1.exact OR coalesce(index.few_songs, false), match_inline_v1.songs
                   ) AS nearest
             WHERE match_inline_v1.songs IS NOT NULL) AS found
     GROUP BY found.number, found.song_id, found.position
), twentieth AS MATERIALIZED (
    SELECT among_all.number, min(1 - among_all.distance ^ 2 / 2) AS similarity
      FROM (SELECT near.number, near.distance, row_number() OVER (PARTITION BY near.number ORDER BY near.distance) AS rank
              FROM near
             WHERE near.among_all) AS among_all
     WHERE among_all.rank <= 20
     GROUP BY among_all.number
)
SELECT ranked.*
  FROM index
 CROSS JOIN (SELECT array_agg(ROW(part.number, part.offset_s, part.embedding)::songradar.query_fragment_v1
                              ORDER BY part.number) AS fragments
               FROM part) AS recording
 CROSS JOIN (SELECT array_agg(ROW(near.number, near.song_id, near.position, near.distance, near.among_all)
                              ::songradar.neighbour_v1) AS neighbours
               FROM near) AS found
 CROSS JOIN (SELECT array_agg(coalesce(twentieth.similarity, usual.similarity) ORDER BY part.number) AS similarities
               FROM part
               LEFT JOIN twentieth ON twentieth.number = part.number
              CROSS JOIN (SELECT avg(twentieth.similarity) AS similarity FROM twentieth) AS usual) AS reached
 CROSS JOIN LATERAL (
       SELECT array_agg(ROW(v.song_id, v.start_s, v.is_chosen)::songradar.place_v1) AS places
         FROM songradar.vote_v1(
              match_inline_v1.encoder, recording.fragments, found.neighbours, index.candidates, match_inline_v1.songs
              ) AS v
       ) AS voted
 CROSS JOIN LATERAL (
       SELECT array_agg(ROW(s.song_id, s.start_s, s.is_chosen)::songradar.place_v1) AS places
         FROM songradar.score_places_v1(
              match_inline_v1.encoder, recording.fragments, voted.places, greatest(match_inline_v1.max_matches, 11)
              ) AS s
       ) AS shortlist
 CROSS JOIN LATERAL (
       SELECT array_agg(ROW(a.song_id, a.is_chosen, a.middle_start_s, a.start_s, a.score, a.n_fragments, a.coverage,
                            a.similarities)::songradar.alignment_v1) AS songs
         FROM songradar.align_v1(
              match_inline_v1.encoder, recording.fragments, found.neighbours, shortlist.places
              ) AS a
       ) AS aligned
 CROSS JOIN LATERAL songradar.rank_v1(
       match_inline_v1.encoder, recording.fragments, aligned.songs, reached.similarities, index.n_songs,
       match_inline_v1.max_matches
       ) AS ranked;
END;
COMMENT ON FUNCTION songradar.match_inline_v1 IS 'One look of match_v1 without its checks and settings, for EXPLAIN.';
