-- score_places_v1: step 2 of a search: the best place in each of the songs that fit the recording best.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
--            places     where the recording may start
--            wanted     songs wanted, of the chosen and of the others
CREATE OR REPLACE FUNCTION songradar.score_places_v1(
    encoder integer, fragments songradar.query_fragment_v1[], places songradar.place_v1[], wanted integer
)
RETURNS SETOF songradar.place_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT ordered.song_id, ordered.start_s, ordered.is_chosen
  FROM (SELECT best.*, row_number() OVER (PARTITION BY best.is_chosen ORDER BY best.score DESC, best.song_id)
               AS standing
          FROM songradar.best_places_v1(
               score_places_v1.encoder, score_places_v1.fragments, score_places_v1.places
               ) AS best) AS ordered
 WHERE ordered.standing <= score_places_v1.wanted;
END;
