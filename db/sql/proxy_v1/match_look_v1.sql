-- match_look_v1: one look of match_v1 at all shards.
--
-- Arguments  shards    that are asked; NULL for all
--            thorough  see match_inline_v1
--            the others as of match_v1
--
-- Two rounds find the evidence: what is near on each shard, of which the nearest of all vote as in one database; and
-- how well the recording fits the places that were voted for. Two more compare songs that may be one recording. The
-- judgement is that of one database, by the same function.
CREATE FUNCTION songradar.match_look_v1(
    shards integer[],
    encoder integer,
    query text[],
    query_offset_s real[],
    max_matches integer,
    exact boolean,
    songs integer[],
    artist text,
    collection text,
    thorough boolean
)
RETURNS SETOF songradar.match_row_v1
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reach CONSTANT songradar.encoders := (SELECT e FROM songradar.encoders AS e WHERE e.id = encoder);
    parts CONSTANT integer := CASE WHEN thorough THEN 1 ELSE 4 END;
    part record;
    fragments songradar.query_fragment_v1[];
    found songradar.neighbour_v1[];
    chosen integer[];
    n_songs bigint := 0;
    places songradar.place_v1[];
    leaders songradar.alignment_v1[];
    stranger record;
BEGIN
    FOR part IN
        SELECT n.*
          FROM songradar.ask_near_v1(
               shards, encoder, query, query_offset_s, exact, songs, artist, collection, thorough) AS n
    LOOP
        found := found || part.neighbours;
        chosen := chosen || part.chosen;
        n_songs := n_songs + part.n_songs;
        fragments := ARRAY(SELECT ROW(o.number, o.offset_s, NULL)::songradar.query_fragment_v1
                             FROM unnest(part.offsets_s) WITH ORDINALITY AS o (offset_s, number));
    END LOOP;
    found := ARRAY(
        SELECT ROW(n.*)::songradar.neighbour_v1
          FROM songradar.nearest_of_all_v1(found, chosen, greatest(reach.neighbours / parts, 1)) AS n);
    places := ARRAY(
        SELECT ROW(v.*)::songradar.place_v1
          FROM songradar.vote_v1(encoder, fragments, found, greatest(reach.candidates / parts, 1), chosen) AS v);
    leaders := ARRAY(
        SELECT best.song
          FROM (SELECT once.song, row_number() OVER (PARTITION BY (once.song).is_chosen
                                                     ORDER BY once.place_score DESC, once.song_id) AS standing
                  FROM (SELECT DISTINCT ON ((f.song).song_id) (f.song).song_id AS song_id, f.song, f.place_score
                          FROM songradar.ask_fit_v1(
                               shards, encoder, query, query_offset_s, found, places, greatest(max_matches, 11)) AS f
                         ORDER BY (f.song).song_id, f.place_score DESC) AS once) AS best
         WHERE best.standing <= greatest(max_matches, 11));
    IF n_songs < 200 THEN
        SELECT s.* INTO stranger
          FROM songradar.ask_strangers_v1(shards, encoder, query, query_offset_s, n_songs) AS s;
    ELSE
        SELECT NULL::double precision AS score, NULL::double precision[] AS similarities INTO stranger;
    END IF;
    RETURN QUERY
    SELECT judged.*
      FROM songradar.reached_v1(fragments, found) AS reached
     CROSS JOIN songradar.judge_v1(
           encoder, leaders, songradar.twins_of_first_v1(shards, encoder, query, query_offset_s, leaders),
           CASE WHEN n_songs >= 200 THEN reached.similarities END, stranger.score, stranger.similarities, max_matches
           ) AS judged;
END
$$;
COMMENT ON FUNCTION songradar.match_look_v1 IS 'One look of match_v1 at all shards.';
