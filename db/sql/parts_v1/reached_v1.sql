-- reached_v1: for each fragment of a recording, the similarity of its twentieth neighbour.
--
-- Arguments  fragments   of the recording
--            neighbours  stored fragments near them
--
-- Evidence counts what a song has beyond that, however many neighbours vote. A fragment that was not looked up is taken
-- to have its twentieth neighbour as far away as the others on average. It reads no table.
CREATE FUNCTION songradar.reached_v1(
    fragments songradar.query_fragment_v1[], neighbours songradar.neighbour_v1[]
)
RETURNS TABLE (similarities double precision[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH twentieth AS MATERIALIZED (
    SELECT among_all.number, min(1 - among_all.distance ^ 2 / 2) AS similarity
      FROM (SELECT n.number, n.distance, row_number() OVER (PARTITION BY n.number ORDER BY n.distance) AS rank
              FROM unnest(reached_v1.neighbours) AS n
             WHERE n.among_all) AS among_all
     WHERE among_all.rank <= 20
     GROUP BY among_all.number
)
SELECT array_agg(coalesce(twentieth.similarity, usual.similarity) ORDER BY part.number)
  FROM unnest(reached_v1.fragments) AS part
  LEFT JOIN twentieth ON twentieth.number = part.number
 CROSS JOIN (SELECT avg(twentieth.similarity) AS similarity FROM twentieth) AS usual;
END;
COMMENT ON FUNCTION songradar.reached_v1 IS
    'For each fragment of a recording, the similarity of its twentieth neighbour.';
