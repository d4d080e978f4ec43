-- same_recording_v1: which of the leading songs are other files of the recording that the first of them is.
--
-- Arguments  encoder    songradar.encoders.id
--            fragments  of the recording
--            songs      the leading songs, aligned
-- Result     numbers of songs
--
-- Two songs are one recording, twins, where their stored fragments agree for ten seconds around the place that was
-- found: the similarity of twins is 0.78 or more in 99 of 100 places, whatever the lossy format and the first sample of
-- their files; 16 fragments in a row of two different recordings, at the best of 60 alignments, reach 0.52. Its two
-- parts are stretch_v1 and beside_v1.
--
-- Encoders whose fragments do not overlap may find different recordings as similar as that, so for them there are no
-- twins.
CREATE OR REPLACE FUNCTION songradar.same_recording_v1(
    encoder integer, fragments songradar.query_fragment_v1[], songs songradar.alignment_v1[]
)
RETURNS TABLE (song_id integer)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT beside.song_id
  FROM songradar.stretch_v1(
       same_recording_v1.encoder, same_recording_v1.fragments, same_recording_v1.songs
       ) AS stretch
 CROSS JOIN LATERAL songradar.beside_v1(
       same_recording_v1.encoder, same_recording_v1.fragments, same_recording_v1.songs,
       stretch.positions, stretch.embeddings
       ) AS beside
 WHERE beside.is_twin OR beside.has_place;
END;
