-- rank_v1: step 4 of a search: the songs in order, each with its evidence and its confidence.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
--            songs      the leading songs, aligned
--            reached    for each fragment, the similarity of the last of its nearest neighbours
--            n_songs    in the catalogue, where they are too few to say what strangers reach; else NULL
--            wanted     rows wanted
-- Result     as of match_v1
--
-- It looks up what the judgement needs of stored fragments: twins of the first song (same_recording_v1), and what the
-- encoder's cohort reaches (strangers_v1). judge_v1 does the rest.
CREATE OR REPLACE FUNCTION songradar.rank_v1(
    encoder integer,
    fragments songradar.query_fragment_v1[],
    songs songradar.alignment_v1[],
    reached double precision[],
    n_songs bigint,
    wanted integer
)
RETURNS SETOF songradar.match_row_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT judged.*
  FROM (SELECT ARRAY(SELECT t.song_id
                       FROM songradar.same_recording_v1(rank_v1.encoder, rank_v1.fragments, rank_v1.songs) AS t
                       ) AS twins) AS same
  LEFT JOIN LATERAL (
       SELECT s.score, s.similarities
         FROM songradar.strangers_v1(rank_v1.encoder, rank_v1.fragments, rank_v1.n_songs) AS s
        WHERE rank_v1.n_songs IS NOT NULL
       ) AS stranger ON true
 CROSS JOIN LATERAL songradar.judge_v1(
       rank_v1.encoder, rank_v1.songs, same.twins, CASE WHEN rank_v1.n_songs IS NULL THEN rank_v1.reached END,
       stranger.score, stranger.similarities, rank_v1.wanted
       ) AS judged;
END;
