-- match_row: one row of a search's answer, a song. match_v1 and its last steps return it.
CREATE TYPE songradar.match_row AS (
    rank integer,
    song_id integer,
    offset_s real,
    score real,
    coverage real,
    margin real,
    n_fragments integer,
    confidence real,
    accepted boolean
);
COMMENT ON TYPE songradar.match_row IS 'One song of a search''s answer, as match_v1 returns it.';
