"""Samples on disk, and which of them training never hears."""

import json
import os

import numpy as np
import pytest

from songradar.ml.audio import read_audio
from songradar.ml.errors import TrainingDataError
from songradar.ml.training.contrastive.recordings import Part, part_of, read_recordings, transposed
from tests import synth

RATE_HZ = 8000


@pytest.fixture
def music(tmp_path, rng):
    """Three songs, one of them twice, and a file that is no audio."""
    folder = tmp_path / "music"
    folder.mkdir()
    for number, name in enumerate(("a", "b", "c"), start=1):
        synth.write_wav(folder / f"{name}.wav", synth.melody(rng, number, RATE_HZ), RATE_HZ)
    (folder / "a again.wav").write_bytes((folder / "a.wav").read_bytes())
    (folder / "broken.mp3").write_text("no audio " * 100)
    return folder


@pytest.fixture
def read(music, tmp_path):
    """Read all of the music, or what is asked for, into the same place each time."""

    def read(keep=lambda name: True, rate_hz=RATE_HZ, workers=2):
        return read_recordings([music], rate_hz, tmp_path / "songs", keep, workers)

    return read


class TestPartOf:
    def test_half_of_the_share_is_for_validation_and_half_for_the_test(self):
        names = [f"{i:04} A song.mp3" for i in range(2000)]

        for share in (0.1, 0.3, 1):
            parts = [part_of(name, share) for name in names]
            for part in (Part.VALIDATION, Part.TEST):
                error = 3 * np.sqrt(share / 2 * (1 - share / 2) / 2000)
                assert parts.count(part) / 2000 == pytest.approx(share / 2, abs=error)

    def test_all_is_to_train_on_when_nothing_is_held_out(self):
        assert part_of("a.mp3", 0) == Part.TRAIN

    def test_smaller_share_holds_out_some_of_the_same(self):
        names = [f"{i}.wav" for i in range(500)]

        few, many = ({name for name in names if part_of(name, share) != Part.TRAIN} for share in (0.1, 0.3))

        assert few < many

    def test_answer_never_changes(self):
        # encoders in the world have been trained by it
        parts = [part_of(f"song {i}.wav", 0.4) for i in range(12)]

        assert [i for i, part in enumerate(parts) if part == Part.TEST] == [1, 2, 6, 7]
        assert [i for i, part in enumerate(parts) if part == Part.VALIDATION] == [11]


class TestReadRecordings:
    def test_samples_are_those_of_the_files(self, read, music):
        recordings = read()

        for number, name in enumerate(recordings.names):
            expected = read_audio(music / name, RATE_HZ)
            np.testing.assert_allclose(recordings.wave(number), expected, atol=1 / 32767)

    def test_same_samples_count_once(self, read):
        recordings = read()

        assert recordings.names == ("a again.wav", "b.wav", "c.wav")
        assert recordings.lengths.tolist() == [8000, 16_000, 24_000]
        assert len(recordings) == 3

    def test_silent_file_is_left_out(self, read, music):
        synth.write_wav(music / "silent.wav", np.zeros(8000, np.float32), RATE_HZ)

        assert "silent.wav" not in read().names

    def test_file_that_cannot_be_read_is_listed(self, read, music):
        assert read().failures == (f"{(music / 'broken.mp3').resolve()}: is not audio that can be decoded",)
        assert read().failures == read().failures  # also when read from disk

    def test_only_what_is_kept_is_read(self, read):
        recordings = read(lambda name: name in ("b.wav", "nowhere.wav"))

        assert (recordings.names, recordings.failures) == (("b.wav",), ())

    def test_workers_change_nothing(self, read, tmp_path):
        one = np.array(read(workers=1).samples)
        (tmp_path / "songs.i16.json").unlink()

        np.testing.assert_array_equal(read(workers=3).samples, one)

    def test_second_reading_decodes_nothing(self, read, music, tmp_path):
        first = read()
        os.utime(tmp_path / "songs.i16", (1, 1))

        again = read()

        assert (tmp_path / "songs.i16").stat().st_mtime == 1
        assert (again.names, again.failures, again.digest) == (first.names, first.failures, first.digest)
        np.testing.assert_array_equal(again.samples, first.samples)

    @pytest.mark.parametrize("change", ["new file", "other bytes", "rate", "index lost"])
    def test_any_change_is_decoded_again(self, change, read, music, tmp_path, rng):
        read()
        os.utime(tmp_path / "songs.i16", (1, 1))
        if change in ("new file", "other bytes"):
            name = "d.wav" if change == "new file" else "b.wav"
            synth.write_wav(music / name, synth.melody(rng, 2.5, RATE_HZ), RATE_HZ)
        elif change == "index lost":
            (tmp_path / "songs.i16.json").unlink()

        recordings = read(rate_hz=16_000 if change == "rate" else RATE_HZ)

        assert (tmp_path / "songs.i16").stat().st_mtime != 1
        assert recordings.starts[-1] == len(recordings.samples) == (tmp_path / "songs.i16").stat().st_size // 2

    def test_files_that_come_later_change_no_side(self, read, music, rng):
        before = [
            set(read(lambda name, part=part: part_of(name, 0.4) == part).names) for part in (Part.TRAIN, Part.TEST)
        ]
        for i in range(6):
            synth.write_wav(music / f"song {i}.wav", synth.melody(rng, 1, RATE_HZ), RATE_HZ)

        after = [
            set(read(lambda name, part=part: part_of(name, 0.4) == part).names) for part in (Part.TRAIN, Part.TEST)
        ]

        assert before[0] < after[0]
        assert before[1] < after[1]
        assert not after[0] & after[1]

    def test_digest_tells_sets_apart(self, read):
        assert len({read().digest, read(lambda name: name != "b.wav").digest}) == 2

    def test_digest_tells_samples_apart(self, read, music, rng):
        before = read().digest

        synth.write_wav(music / "b.wav", synth.melody(rng, 2, RATE_HZ), RATE_HZ)

        assert read().digest != before

    def test_each_file_advances_the_progress(self, music, tmp_path):
        ticks = []

        read_recordings([music], RATE_HZ, tmp_path / "songs", lambda name: True, 2, lambda: ticks.append(1))

        assert len(ticks) == 5

    def test_nothing_usable_is_refused(self, read, music):
        with pytest.raises(TrainingDataError, match="music: no recording that can be used for this"):
            read(lambda name: name == "broken.mp3")

    def test_index_tells_where_each_recording_starts(self, read, tmp_path):
        read()

        assert json.loads((tmp_path / "songs.i16.json").read_text())["starts"] == [0, 8000, 24_000, 48_000]


class TestWave:
    def test_piece_is_that_of_the_file(self, read):
        recordings = read()

        np.testing.assert_array_equal(recordings.wave(1, 100, 50), recordings.wave(1)[100:150])
        assert recordings.wave(1).dtype == np.float32

    @pytest.mark.parametrize(("first", "before", "after"), [(-30, 30, 0), (15_980, 0, 30), (-10, 10, 0)])
    def test_outside_is_silence(self, first, before, after, read):
        recordings = read()

        wave = recordings.wave(1, first, 50)

        assert len(wave) == 50
        assert not wave[:before].any()
        assert not wave[50 - after :].any()
        inside = recordings.wave(1)[max(0, first) : max(0, first) + 50 - before - after]
        np.testing.assert_array_equal(wave[before : 50 - after], inside)

    def test_both_ends_can_be_outside(self, read):
        recordings = read()

        wave = recordings.wave(0, -1000, 10_000)

        np.testing.assert_array_equal(wave, np.pad(recordings.wave(0), 1000))

    def test_after_the_end_is_no_other_recording(self, read):
        assert not read().wave(0, 9000, 100).any()

    def test_before_the_beginning_is_silence(self, read):
        assert not read().wave(0, -1000, 500).any()


class TestTransposed:
    def test_each_song_comes_first_as_it_is_and_then_higher(self, read, tmp_path):
        songs = read()
        more = transposed(songs, (-12.0,), RATE_HZ, tmp_path / "more")

        assert more.names[:2] == (songs.names[0], f"{songs.names[0]} -12")
        assert len(more) == 2 * len(songs)
        np.testing.assert_array_equal(more.wave(0), songs.wave(0))
        assert more.lengths[1] == pytest.approx(2 * songs.lengths[0], rel=0.001)

    def test_without_transpositions_the_songs_are_the_same(self, read, tmp_path):
        songs = read()

        assert transposed(songs, (), RATE_HZ, tmp_path / "more") is songs

    def test_digest_tells_transpositions_apart(self, read, tmp_path):
        digests = {transposed(read(), steps, RATE_HZ, tmp_path / "more").digest for steps in [(), (-3,), (-3, 4)]}

        assert len(digests) == 3


def test_names_that_are_not_utf8_are_kept_escaped(music, tmp_path):
    (music / "a.wav").rename(os.fsdecode(os.fsencode(music / "caf") + b"\xe9.wav"))
    asked = []
    read_recordings([music], RATE_HZ, tmp_path / "songs", lambda name: not asked.append(name), workers=1)

    assert "caf\\xe9.wav" in asked
    assert {part_of(name, 0.0) for name in asked} == {Part.TRAIN}
