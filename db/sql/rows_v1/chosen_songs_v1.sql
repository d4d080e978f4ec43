-- chosen_songs_v1: the songs that a search may name: NULL for all of them.
--
-- Arguments  songs       numbers of songs, NULL for any
--            artist      NULL for any; capital and small letters are the same
--            collection  NULL for any
--
-- To a reader of some collections, no others are ever named. match_v1 runs as its owner, to whom no policies apply, so
-- who asks is the role that is logged in, or that SET ROLE has chosen: current_user would be the owner.
CREATE OR REPLACE FUNCTION songradar.chosen_songs_v1(songs integer[], artist text, collection text) RETURNS integer[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH seen AS MATERIALIZED (
    SELECT songradar.seen_collections_v1(
           CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END
           ) AS collections
)
SELECT CASE
       WHEN chosen_songs_v1.artist IS NULL AND chosen_songs_v1.collection IS NULL AND seen.collections IS NULL
       THEN chosen_songs_v1.songs
       ELSE ARRAY(
            SELECT s.id
              FROM songradar.songs AS s
             WHERE (chosen_songs_v1.artist IS NULL OR lower(s.artist) = lower(chosen_songs_v1.artist))
               AND (chosen_songs_v1.collection IS NULL OR s.collection = chosen_songs_v1.collection)
               AND (chosen_songs_v1.songs IS NULL OR s.id IN (SELECT unnest(chosen_songs_v1.songs)))
               AND (seen.collections IS NULL OR s.collection = ANY (seen.collections)))
       END
  FROM seen;
END;
