-- songs_v1: the catalogue for people and other applications; sha256 in hex, identifiers as columns.
CREATE VIEW songradar.songs_v1 AS
SELECT s.id AS song_id, s.title, s.artist, s.album, s.collection, s.duration_s, s.source, s.host,
       encode(s.sha256, 'hex') AS sha256, s.tags ->> 'mbid' AS mbid, s.tags ->> 'isrc' AS isrc, s.added_at
  FROM songradar.songs AS s;
COMMENT ON VIEW songradar.songs_v1 IS 'The catalogue for people and other applications.';
