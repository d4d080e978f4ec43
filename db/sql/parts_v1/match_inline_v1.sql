-- match_inline_v1: one look of match_v1, without its checks and settings, and so inlined: EXPLAIN shows its plan.
-- For `songradar search --explain`.
--
-- Arguments  as of match_v1, and
--            songs     that may be the answer, NULL for all
--            thorough  whether to look as far as the encoder's columns say, or further for a short recording
--                      (further_v1); else a first look, with a quarter of the neighbours, codes and places, and for a
--                      fifth of the recording's fragments, evenly spread, but at least four. The lists are set by
--                      set_reach_v1. Either way the places are scored, aligned and ranked by all fragments.
--
-- Its parts are query_fragments_v1, neighbours_v1, vote_v1, score_places_v1, align_v1, reached_v1, rank_v1. Of these,
-- neighbours_v1, score_places_v1, align_v1 and rank_v1 read stored fragments; the others reckon with what those found.
CREATE OR REPLACE FUNCTION songradar.match_inline_v1(
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
WITH recording AS MATERIALIZED (
    SELECT array_agg(ROW(p.number, p.offset_s, p.embedding)::songradar.query_fragment_v1 ORDER BY p.number)
           AS fragments
      FROM songradar.query_fragments_v1(
           match_inline_v1.encoder, match_inline_v1.query, match_inline_v1.query_offset_s
           ) AS p
), found AS MATERIALIZED (
    SELECT array_agg(ROW(n.number, n.song_id, n.position, n.distance, n.among_all)::songradar.neighbour_v1)
           AS neighbours
      FROM recording
     CROSS JOIN LATERAL songradar.neighbours_v1(
           match_inline_v1.encoder, recording.fragments, match_inline_v1.exact, match_inline_v1.songs,
           match_inline_v1.thorough
           ) AS n
)
SELECT ranked.*
  FROM recording
 CROSS JOIN found
 CROSS JOIN songradar.reached_v1(recording.fragments, found.neighbours) AS reached
 CROSS JOIN (SELECT greatest(e.candidates / CASE WHEN match_inline_v1.thorough THEN 1 ELSE 4 END, 1) AS candidates,
                    nullif(songradar.n_songs_v1(e.id), 200) AS n_songs
               FROM songradar.encoders AS e
              WHERE e.id = match_inline_v1.encoder) AS index
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
