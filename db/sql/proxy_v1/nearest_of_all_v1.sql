-- nearest_of_all_v1: of the neighbours that shards have found, those that one database would have.
--
-- Arguments  neighbours  of all shards
--            chosen      songs that may be the answer, NULL for all
--            wanted      neighbours of each fragment of the recording, among all songs and among the chosen
--
-- Each shard returns as many as are wanted, so the nearest of all are among them. While a song moves from one shard to
-- another, both may have found it.
CREATE FUNCTION songradar.nearest_of_all_v1(
    neighbours songradar.neighbour_v1[], chosen integer[], wanted integer
)
RETURNS SETOF songradar.neighbour_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH found AS MATERIALIZED (
    SELECT n.number, n.song_id, n.position, min(n.distance) AS distance, bool_or(n.among_all) AS among_all
      FROM unnest(nearest_of_all_v1.neighbours) AS n
     GROUP BY n.number, n.song_id, n.position
), standing AS (
    SELECT found.*,
           found.among_all
           AND row_number() OVER (PARTITION BY found.number, found.among_all
                                  ORDER BY found.distance, found.song_id, found.position) <= nearest_of_all_v1.wanted
           AS is_near,
           choice.is_chosen
           AND row_number() OVER (PARTITION BY found.number, choice.is_chosen
                                  ORDER BY found.distance, found.song_id, found.position) <= nearest_of_all_v1.wanted
           AS is_near_chosen
      FROM found
     CROSS JOIN LATERAL (
           SELECT found.song_id IN (SELECT unnest(nearest_of_all_v1.chosen)) AS is_chosen
           ) AS choice
)
SELECT standing.number, standing.song_id, standing.position, standing.distance, standing.is_near
  FROM standing
 WHERE standing.is_near OR standing.is_near_chosen;
END;
COMMENT ON FUNCTION songradar.nearest_of_all_v1 IS
    'Of the neighbours that shards have found, those that one database would have.';
