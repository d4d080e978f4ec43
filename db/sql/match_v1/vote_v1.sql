-- vote_v1: step 1 of a search: the places in songs for which most neighbours vote.
--
-- Arguments  encoder     songradar.encoders.id
--            fragments   of the recording
--            neighbours  stored fragments near them
--            candidates  places wanted; where a song's hop holds several of the recording's, that many times as many
--            songs       songs that may be answers, NULL for all; places in others are returned as well, as rivals
--
-- A neighbour votes for the start of the recording within its song. True neighbours agree on it (Wang 2003), to within
-- timing_v1.tolerance_s: neighbouring bins are counted together. A song has a place for each local maximum of votes, but
-- only a few, so that one that resembles itself everywhere leaves room for others.
CREATE FUNCTION songradar.vote_v1(
    encoder integer,
    fragments songradar.query_fragment_v1[],
    neighbours songradar.neighbour_v1[],
    candidates integer,
    songs integer[]
)
RETURNS SETOF songradar.place_v1
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH timing AS MATERIALIZED (
    SELECT t.* FROM songradar.timing_v1(vote_v1.encoder, vote_v1.fragments) AS t
), bin AS (
    SELECT vote.song_id, round(vote.start_s / vote.tolerance_s) AS number,
           sum(greatest(1 - vote.distance ^ 2 / 2, 0)) AS weight,
           (array_agg(vote.start_s ORDER BY vote.distance))[1] AS start_s
      FROM (SELECT n.song_id, n.distance, timing.tolerance_s, n.position * timing.hop_s - f.offset_s AS start_s
              FROM unnest(vote_v1.neighbours) AS n
             CROSS JOIN timing
              JOIN unnest(vote_v1.fragments) AS f ON f.number = n.number) AS vote
     GROUP BY vote.song_id, round(vote.start_s / vote.tolerance_s)
), total AS (
    SELECT bin.song_id, bin.start_s, bin.number, sum(bin.weight) OVER adjacent + bin.weight AS votes
      FROM bin
    WINDOW adjacent AS (PARTITION BY bin.song_id ORDER BY bin.number RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)
), peak AS (
    SELECT total.*, max(total.votes) OVER adjacent AS highest
      FROM total
    WINDOW adjacent AS (PARTITION BY total.song_id ORDER BY total.number RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)
), in_song AS (
    SELECT peak.*, vote_v1.songs IS NULL OR peak.song_id IN (SELECT unnest(vote_v1.songs)) AS is_chosen,
           row_number() OVER (PARTITION BY peak.song_id ORDER BY peak.votes DESC, peak.start_s) AS standing
      FROM peak
     CROSS JOIN timing
     WHERE peak.votes = peak.highest
        OR NOT timing.overlapping  -- one start in n_phases lines up with stored fragments, so all are needed
), ordered AS (
    SELECT in_song.*,
           row_number() OVER (PARTITION BY in_song.is_chosen
                              ORDER BY in_song.votes DESC, in_song.song_id, in_song.start_s) AS standing_of_all
      FROM in_song
     CROSS JOIN timing
     WHERE in_song.standing <= 1 + timing.n_phases
)
SELECT ordered.song_id, ordered.start_s, ordered.is_chosen
  FROM ordered
 CROSS JOIN timing
 WHERE ordered.standing_of_all <= vote_v1.candidates * timing.n_phases;
END;
COMMENT ON FUNCTION songradar.vote_v1 IS 'The places in songs for which most neighbours of a recording vote.';
