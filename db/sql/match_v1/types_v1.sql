-- types_v1: what the steps of match_v1 pass on to each other, and what it returns.
CREATE TYPE songradar.query_fragment_v1 AS (
    "number" integer,
    offset_s double precision,
    embedding halfvec
);
COMMENT ON TYPE songradar.query_fragment_v1 IS
    'A fragment of the recording: its number from 1, where in the recording it starts, its embedding.';

CREATE TYPE songradar.neighbour_v1 AS (
    "number" integer,
    song_id integer,
    "position" integer,
    distance double precision,
    among_all boolean
);
COMMENT ON TYPE songradar.neighbour_v1 IS
    'A stored fragment near the query fragment of that number; among_all: near among all songs, not only the chosen.';

CREATE TYPE songradar.place_v1 AS (
    song_id integer,
    start_s double precision,
    is_chosen boolean
);
COMMENT ON TYPE songradar.place_v1 IS
    'A place in a song where the recording may start; is_chosen: the song may be an answer.';

CREATE TYPE songradar.alignment_v1 AS (
    song_id integer,
    is_chosen boolean,
    middle_start_s double precision,
    start_s double precision,
    score double precision,
    n_fragments bigint,
    coverage double precision,
    similarities double precision[]
);
COMMENT ON TYPE songradar.alignment_v1 IS
    'How well the recording fits a song where it fits best: middle_start_s is its start as the middle tells it, start_s
     as its first sample does; they differ where it is played faster or slower. similarities are those of the query
     fragments, in order, to what the song has there; NULL where nothing lines up.';

CREATE TYPE songradar.evidence_v1 AS (
    lead double precision,
    peak double precision,
    n_fragments bigint
);
COMMENT ON TYPE songradar.evidence_v1 IS 'What a confidence is computed from; see rank_v1.';

CREATE TYPE songradar.match_row_v1 AS (
    rank integer,
    song_id integer,
    offset_s real,
    score real,
    coverage real,
    lead real,
    peak real,
    n_fragments integer,
    confidence real,
    accepted boolean,
    same_recording boolean
);
COMMENT ON TYPE songradar.match_row_v1 IS 'A song that the recording may be a piece of, as match_v1 returns it.';
