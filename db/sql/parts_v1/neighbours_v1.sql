-- neighbours_v1: the stored fragments near those of a recording.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
--            exact      compare with all stored fragments instead of asking the index
--            songs      that may be the answer, NULL for all
--            thorough   whether to look as far as the encoder's columns say; see match_inline_v1
--
-- With a choice of songs, neighbours are looked for twice: among all songs, as evidence, and among the chosen, so that
-- these are found at all.
--
-- Among few songs, all fragments are compared, which takes less time than to go through the index until it has met
-- enough of theirs: the time of the one grows with their number, that of the other as their share of the catalogue
-- falls (whose size is the planner's estimate). For 200 of 7,000 songs and a recording of 5 s, either takes 0.1 s.
--
-- The function is inlined into the statement that calls it.
CREATE FUNCTION songradar.neighbours_v1(
    encoder integer, fragments songradar.query_fragment_v1[], exact boolean, songs integer[], thorough boolean
)
RETURNS SETOF songradar.neighbour_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH index AS MATERIALIZED (
    SELECT greatest(e.neighbours / look.parts, 1) AS neighbours,
           greatest(e.looked_at * look.further / look.parts, 1)::integer AS looked_at,
           cardinality(neighbours_v1.songs) <= 2.5 * sqrt(greatest(c.reltuples, 1000)) AS few_songs
      FROM songradar.encoders AS e
     CROSS JOIN (SELECT CASE WHEN neighbours_v1.thorough THEN 1 ELSE 4 END AS parts,
                        CASE WHEN neighbours_v1.thorough
                             THEN songradar.further_v1(cardinality(neighbours_v1.fragments))
                             ELSE 1 END AS further) AS look
      JOIN pg_class AS c ON c.oid = 'songradar.songs'::regclass
     WHERE e.id = neighbours_v1.encoder
), part AS MATERIALIZED (
    SELECT f.number, f.embedding FROM unnest(neighbours_v1.fragments) AS f
), looked_up AS MATERIALIZED (
    SELECT part.number, part.embedding
      FROM part
     CROSS JOIN (SELECT count(*) AS n, greatest((count(*) + 2) / 5, 4) AS n_few FROM part) AS all_parts
     WHERE neighbours_v1.thorough
        OR part.number * all_parts.n_few / all_parts.n > (part.number - 1) * all_parts.n_few / all_parts.n
)
SELECT found.number, found.song_id, found.position, min(found.distance), bool_or(found.among_all)
  FROM (SELECT looked_up.number, nearest.*, true AS among_all
          FROM looked_up
         CROSS JOIN index
         CROSS JOIN LATERAL songradar.nearest_fragments_v1(
               neighbours_v1.encoder, looked_up.embedding, index.neighbours, index.looked_at, neighbours_v1.exact
               ) AS nearest
         UNION ALL
        SELECT looked_up.number, nearest.*, false
          FROM looked_up
         CROSS JOIN index
         CROSS JOIN LATERAL songradar.nearest_fragments_v1(
               neighbours_v1.encoder, looked_up.embedding, index.neighbours, index.looked_at,
               neighbours_v1.exact OR coalesce(index.few_songs, false), neighbours_v1.songs
               ) AS nearest
         WHERE neighbours_v1.songs IS NOT NULL) AS found
 GROUP BY found.number, found.song_id, found.position;
END;
COMMENT ON FUNCTION songradar.neighbours_v1 IS 'The stored fragments near those of a recording.';
