-- songs_v1: the catalogue for people and other applications; sha256 in hex, mbid as text.
CREATE VIEW songradar.songs_v1 AS
SELECT s.id AS song_id, s.title, s.artist, s.album, s.collection, s.duration_s, s.source, s.host,
       encode(s.sha256, 'hex') AS sha256, s.mbid::text AS mbid, s.isrc, s.tags, s.added_at
  FROM songradar.songs AS s;
COMMENT ON VIEW songradar.songs_v1 IS 'The catalogue for people and other applications.';
COMMENT ON COLUMN songradar.songs_v1.song_id IS
    'Number of the song.';
COMMENT ON COLUMN songradar.songs_v1.title IS
    'Title, by hand, from the file''s tags, or else from its name.';
COMMENT ON COLUMN songradar.songs_v1.artist IS
    'Artist; NULL if neither tags nor name tell.';
COMMENT ON COLUMN songradar.songs_v1.album IS
    'Album from the tags.';
COMMENT ON COLUMN songradar.songs_v1.collection IS
    'Part of the catalogue that it belongs to.';
COMMENT ON COLUMN songradar.songs_v1.duration_s IS
    'Length in seconds.';
COMMENT ON COLUMN songradar.songs_v1.source IS
    'Path of the file, on the machine called host.';
COMMENT ON COLUMN songradar.songs_v1.host IS
    'Name of the machine that has the file.';
COMMENT ON COLUMN songradar.songs_v1.sha256 IS
    'SHA-256 of the file in hex.';
COMMENT ON COLUMN songradar.songs_v1.mbid IS
    'Number of the MusicBrainz recording.';
COMMENT ON COLUMN songradar.songs_v1.isrc IS
    'International Standard Recording Code, without hyphens.';
COMMENT ON COLUMN songradar.songs_v1.tags IS
    'Identifiers of your own, such as upc or a number in an archive.';
COMMENT ON COLUMN songradar.songs_v1.added_at IS
    'When the song came in.';
