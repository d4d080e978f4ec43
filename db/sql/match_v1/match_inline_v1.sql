-- match_inline_v1: match_v1 without its checks and settings, and therefore inlined: EXPLAIN shows its plan. For
-- `songradar search --explain`.
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
    songs integer[] DEFAULT NULL
)
RETURNS SETOF songradar.match_row_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH index AS MATERIALIZED (
    SELECT e.neighbours, e.looked_at, e.candidates,
           (SELECT nullif(count(*), 200)
              FROM (SELECT FROM songradar.encodings AS s WHERE s.encoder_id = e.id LIMIT 200) AS encoded) AS n_songs,
           cardinality(match_inline_v1.songs) <= 2.5 * sqrt(greatest(c.reltuples, 1000)) AS few_songs
      FROM songradar.encoders AS e
      JOIN pg_class AS c ON c.oid = 'songradar.songs'::regclass
     WHERE e.id = match_inline_v1.encoder
), part AS MATERIALIZED (
    SELECT p.number, p.offset_s, p.embedding
      FROM songradar.query_fragments_v1(
           match_inline_v1.encoder, match_inline_v1.query, match_inline_v1.query_offset_s
           ) AS p
), near AS MATERIALIZED (
    SELECT found.number, found.song_id, found.position, min(found.distance) AS distance,
           bool_or(found.among_all) AS among_all
      FROM (SELECT part.number, nearest.*, true AS among_all
              FROM part
             CROSS JOIN index
             CROSS JOIN LATERAL songradar.nearest_fragments_v1(
                   match_inline_v1.encoder, part.embedding, index.neighbours, index.looked_at, match_inline_v1.exact
                   ) AS nearest
             UNION ALL
            SELECT part.number, nearest.*, false
              FROM part
             CROSS JOIN index
             CROSS JOIN LATERAL songradar.nearest_fragments_v1(
                   match_inline_v1.encoder, part.embedding, index.neighbours, index.looked_at,
                   match_inline_v1.exact OR coalesce(index.few_songs, false), match_inline_v1.songs
                   ) AS nearest
             WHERE match_inline_v1.songs IS NOT NULL) AS found
     GROUP BY found.number, found.song_id, found.position
)
SELECT ranked.*
  FROM index
 CROSS JOIN (SELECT array_agg(ROW(part.number, part.offset_s, part.embedding)::songradar.query_fragment_v1
                              ORDER BY part.number) AS fragments
               FROM part) AS recording
 CROSS JOIN (SELECT array_agg(ROW(near.number, near.song_id, near.position, near.distance, near.among_all)
                              ::songradar.neighbour_v1) AS neighbours
               FROM near) AS found
 CROSS JOIN (SELECT array_agg(last.similarity ORDER BY part.number) AS similarities
               FROM part
               LEFT JOIN (SELECT near.number, min(1 - near.distance ^ 2 / 2) AS similarity
                            FROM near
                           WHERE near.among_all
                           GROUP BY near.number) AS last ON last.number = part.number) AS reached
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
COMMENT ON FUNCTION songradar.match_inline_v1 IS 'match_v1 without its checks and settings, for EXPLAIN.';
