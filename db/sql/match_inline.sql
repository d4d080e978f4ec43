-- match_inline: match_v1 without its settings and so inlined: EXPLAIN shows its plan. For `songradar search --explain`.
--
-- With a choice of songs, neighbours are looked for among all songs, as evidence, and then among the chosen, so that
-- these are found at all.
--
-- Among few songs all fragments are compared, which takes less time than to meet enough of them in the index: the one
-- time grows with their number, the other as their share of the catalogue (as the planner knows it) falls. A recording
-- of 5 s takes 0.1 s either way for 200 of 7,000 songs.
CREATE FUNCTION songradar.match_inline(
    encoder integer,
    query halfvec[],
    query_offset_s real[],
    max_matches integer DEFAULT 5,
    neighbours integer DEFAULT 20,
    looked_at integer DEFAULT 100,
    candidates integer DEFAULT 40,
    exact boolean DEFAULT false,
    songs integer[] DEFAULT NULL
)
RETURNS SETOF songradar.match_row
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH part AS MATERIALIZED (
    SELECT p.number, p.offset_s, p.embedding
      FROM songradar.query_fragments(match_inline.encoder, match_inline.query, match_inline.query_offset_s) AS p
), few AS MATERIALIZED (
    SELECT cardinality(match_inline.songs) <= 2.5 * sqrt(greatest(c.reltuples, 1000)) AS are_few
      FROM pg_class AS c
     WHERE c.oid = 'songradar.songs'::regclass
), near AS MATERIALIZED (
    SELECT found.number, found.song_id, found.position, min(found.distance) AS distance,
           bool_or(found.among_all) AS among_all
      FROM (SELECT part.number, nearest.*, true AS among_all
              FROM part
             CROSS JOIN LATERAL songradar.nearest_fragments(
                   match_inline.encoder, part.embedding, match_inline.neighbours, match_inline.looked_at,
                   match_inline.exact
                   ) AS nearest
             UNION ALL
            SELECT part.number, nearest.*, false
              FROM part
             CROSS JOIN few
             CROSS JOIN LATERAL songradar.nearest_fragments(
                   match_inline.encoder, part.embedding, match_inline.neighbours, match_inline.looked_at,
                   match_inline.exact OR coalesce(few.are_few, false), match_inline.songs
                   ) AS nearest
             WHERE match_inline.songs IS NOT NULL) AS found
     GROUP BY found.number, found.song_id, found.position
)
SELECT scored.*
  FROM (SELECT array_agg(part.embedding ORDER BY part.number) AS embeddings,
               array_agg(part.offset_s ORDER BY part.number) AS offsets_s
          FROM part) AS parts
 CROSS JOIN (SELECT array_agg(near.number) AS numbers, array_agg(near.song_id) AS song_ids,
                    array_agg(near.position) AS positions, array_agg(near.distance) AS distances,
                    array_agg(near.among_all) AS among_all
               FROM near) AS found
 CROSS JOIN LATERAL songradar.score_candidates(
       match_inline.encoder, parts.embeddings, parts.offsets_s, found.numbers, found.song_ids, found.positions,
       found.distances, found.among_all, match_inline.max_matches, match_inline.candidates, match_inline.songs
       ) AS scored;
END;
COMMENT ON FUNCTION songradar.match_inline IS 'match_v1 without its settings, for EXPLAIN.';
