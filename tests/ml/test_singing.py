"""Speech sings the tunes of MIDI files; songs depend on the seed alone."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from songradar.ml.audio import read_audio
from songradar.ml.errors import TrainingDataError
from songradar.ml.noise import rms
from tests import synth

mido = pytest.importorskip("mido", reason="needs songradar[singing]")
pyworld = pytest.importorskip("pyworld", reason="needs songradar[singing]")
pytest.importorskip("scipy", reason="needs songradar[singing]")

from songradar.ml.training.singing import album, band, song  # noqa: E402
from songradar.ml.training.singing.__main__ import main  # noqa: E402
from songradar.ml.training.singing.score import (  # noqa: E402
    DRUMS,
    Note,
    Score,
    excerpt,
    read_score,
    repeated,
    softened,
    transposed,
    write_score,
)
from songradar.ml.training.singing.tune import find_tune, skyline, syllables, third_above  # noqa: E402
from songradar.ml.training.singing.voice import FRAME_S, Manner, analyse, octaves_to, sing  # noqa: E402

RATE_HZ = 16_000
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def note(start_s, end_s, pitch, channel=0, part=0):
    return Note(start_s, end_s, pitch, 90, channel, part)


def score_of(*notes, beat_s=0.5):
    return Score(tuple(notes), (), beat_s, 4)


def steps(pitches, duration_s=0.5, part=0):
    return tuple(note(i * duration_s, (i + 1) * duration_s, pitch, part=part) for i, pitch in enumerate(pitches))


@pytest.fixture(scope="module")
def take():
    """Somebody who says eight seconds of nothing in particular."""
    return analyse(synth.speech(np.random.default_rng(3), 8.0, RATE_HZ), RATE_HZ)


@pytest.fixture
def tune():
    return steps([*SCALE, *SCALE[::-1]])


@pytest.fixture
def midi(tmp_path, tune):
    """A folder with a scale over two chords."""
    folder = tmp_path / "midi"
    folder.mkdir()
    chords = [note(4 * k, 4 * k + 4, pitch, 1, 1) for k in range(2) for pitch in (48, 52, 55)]
    write_score(score_of(*tune, *chords), folder / "scale.mid")
    return folder


class TestVoice:
    def test_pitch_follows_the_notes(self, take, tune, rng):
        manner = Manner(vibrato_cents=20, breath_share=0)
        sung = sing(take, syllables(tune, 0.0, rng), -12, manner, 8.0, rng)

        heard_hz, times_s = pyworld.harvest(sung.astype(np.float64), RATE_HZ, 60, 800)
        inside = [(times_s > n.start_s + 0.1) & (times_s < n.end_s - 0.15) & (heard_hz > 0) for n in tune]
        cents = [
            1200 * np.log2(heard_hz[place] / 440) - 100 * (n.pitch - 12 - 69)
            for n, place in zip(tune, inside, strict=True)
        ]
        assert np.mean(np.abs(np.concatenate(cents)) < 60) > 0.95
        assert all(len(some) for some in cents)

    def test_rests_are_silent(self, take, rng):
        line = (note(1.0, 2.0, 60),)

        sung = sing(take, [line], -12, Manner(breath_share=0), 4.0, rng)

        assert len(sung) == 4 * RATE_HZ
        assert np.max(np.abs(sung)) == pytest.approx(1)
        assert rms(sung[round(2.3 * RATE_HZ) :]) < 0.001 * rms(sung[RATE_HZ : 2 * RATE_HZ])

    def test_late_singer_is_late(self, take):
        lines = [(note(1.0, 2.0, 60),)]
        sung, late = (
            sing(take, lines, -12, Manner(delay_s=delay_s), 3.0, np.random.default_rng(1)) for delay_s in (0, 0.04)
        )

        np.testing.assert_allclose(late[640:], sung[:-640], atol=1e-6)

    def test_same_seed_gives_the_same_waveform(self, take, tune):
        lines = syllables(tune, 0.0, np.random.default_rng(0))
        one, again, other = (sing(take, lines, -12, Manner(), 8.0, np.random.default_rng(seed)) for seed in (1, 1, 2))

        np.testing.assert_array_equal(one, again)
        assert not np.array_equal(one, other)

    def test_tune_is_brought_to_the_voice_by_octaves(self, take, tune):
        assert octaves_to(take, tune) == -12
        assert octaves_to(take, tuple(replace(n, pitch=n.pitch - 24) for n in tune)) == 12

    def test_vowels_lie_within_their_syllables(self, take):
        for syllable in take.syllables:
            assert syllable.start <= syllable.nucleus < syllable.release <= syllable.end
            assert (take.pitch_hz[syllable.nucleus : syllable.release] > 0).all()
        assert len(take.syllables) == pytest.approx(4 * 8, abs=6)  # synth.speech has four a second

    def test_smaller_singer_has_higher_formants(self):
        speech = synth.speech(np.random.default_rng(3), 4.0, RATE_HZ)
        plain, small = (analyse(speech, RATE_HZ, formants).envelope for formants in (1.0, 1.15))

        np.testing.assert_allclose(small[100, 115], plain[100, 100], rtol=1e-6)

    def test_noise_cannot_sing(self, rng):
        with pytest.raises(TrainingDataError, match="syllables"):
            analyse(0.1 * rng.standard_normal(RATE_HZ).astype(np.float32), RATE_HZ)


class TestTune:
    def test_top_of_chords_is_sung(self):
        chords = [note(i, i + 1, pitch) for i in range(4) for pitch in (50, 60, 70 + i)]

        assert [n.pitch for n in skyline(chords)] == [70, 71, 72, 73]

    def test_notes_are_held_to_the_next_and_never_overlap(self):
        held, over, last = skyline([note(0, 0.9, 60), note(1, 2.05, 62), note(2, 3, 60)])

        assert (held.end_s, over.end_s, last.end_s) == (1, 2, 3)

    def test_part_like_a_tune_is_chosen(self, tune):
        chords = [note(k, k + 1, pitch, 1, 1) for k in range(8) for pitch in (60, 64, 67)]
        drums = [note(k / 4, k / 4 + 0.1, 60, DRUMS, 2) for k in range(32)]

        assert {n.part for n in find_tune(score_of(*tune, *chords, *drums))} == {0}

    def test_drums_alone_have_no_tune(self):
        with pytest.raises(TrainingDataError, match="no part is like a tune"):
            find_tune(score_of(*(note(k / 4, k / 4 + 0.1, 60, DRUMS) for k in range(32))))

    def test_quick_notes_share_a_syllable(self, rng):
        assert [len(line) for line in syllables(steps(SCALE, 0.1), 0.0, rng)] == [2, 2, 2, 2]
        assert [len(line) for line in syllables(steps(SCALE, 0.5), 0.0, rng)] == [1] * 8
        assert [len(line) for line in syllables(steps(SCALE, 0.5), 1.0, rng)] == [8]

    def test_third_stays_in_the_scale(self):
        scale = steps(SCALE)

        assert [n.pitch for n in third_above(scale, scale)] == [64, 65, 67, 69, 71, 72, 74, 76]
        assert [n.pitch for n in third_above(scale[1:2], scale)] == [65]


class TestScore:
    def test_what_is_written_is_read(self, tmp_path, tune):
        write_score(score_of(*tune), tmp_path / "a.mid")
        again = read_score(tmp_path / "a.mid")

        assert [n.pitch for n in again.notes] == [n.pitch for n in tune]
        assert [n.end_s for n in again.notes] == pytest.approx([n.end_s for n in tune], abs=0.002)
        assert again.beat_s == 0.5

    def test_changes_of_tempo_are_followed(self, tmp_path):
        track = [mido.MetaMessage("set_tempo", tempo=1_000_000)]
        track += [mido.Message("note_on", note=60, velocity=9), mido.Message("note_off", note=60, time=480)]
        track += [mido.MetaMessage("set_tempo", tempo=250_000)]
        track += [mido.Message("note_on", note=62, velocity=9), mido.Message("note_off", note=62, time=480)]
        file = mido.MidiFile(ticks_per_beat=480)
        file.tracks.append(mido.MidiTrack(track))
        file.save(tmp_path / "a.mid")

        assert [(n.start_s, n.end_s) for n in read_score(tmp_path / "a.mid").notes] == [(0, 1), (1, 1.25)]

    def test_bad_file_is_named(self, tmp_path):
        (tmp_path / "a.mid").write_bytes(b"no MIDI")

        with pytest.raises(TrainingDataError, match="a.mid: is no MIDI file"):
            read_score(tmp_path / "a.mid")

    def test_excerpt_keeps_instruments_set_before(self, tune):
        piano = mido.Message("program_change", program=4)
        cut = excerpt(replace(score_of(*tune), settings=((0.1, piano),)), 2.0, 3.0)

        assert cut.settings == ((0.0, piano),)
        assert [(n.start_s, n.pitch) for n in cut.notes[:2]] == [(0, 67), (0.5, 69)]
        assert len(cut.notes) == 6

    def test_repetition_begins_with_a_bar(self):
        starts_s = [n.start_s for n in repeated(score_of(*steps(SCALE[:3])), 5.0).notes]

        assert starts_s == [0, 0.5, 1, 2, 2.5, 3, 4, 4.5, 5]

    def test_drums_are_never_transposed(self):
        moved = transposed(score_of(note(0, 1, 60), note(0, 1, 38, DRUMS)), 5)

        assert [n.pitch for n in moved.notes] == [65, 38]

    def test_tune_is_softened_or_left_out(self, tune):
        chord = note(0, 4, 48, 1, 1)

        assert {n.velocity for n in softened(score_of(*tune), 0, 0.5).notes} == {45}
        assert softened(score_of(*tune, chord), 0, 0.0).notes == (chord,)


class TestBand:
    def test_drums_are_added_only_where_there_are_none(self, tune, rng):
        with_drums = band.with_drums(score_of(*tune), rng)

        assert {n.channel for n in with_drums.notes} == {0, DRUMS}
        assert band.with_drums(with_drums, rng) is with_drums

    def test_instruments_of_a_file_are_kept(self, tune, rng):
        score = replace(score_of(*tune), settings=((0.0, mido.Message("program_change", program=4)),))

        assert band.with_band(score, 0, rng) is score

    def test_band_leaves_the_tune_alone(self, tune, rng):
        chords = [note(4 * k, 4 * k + 4, pitch, 0, 1) for k in range(2) for pitch in (48, 52, 55)]
        played = band.with_band(score_of(*tune, *chords), 0, rng)

        assert tuple(n for n in played.notes if n.part == 0) == tune
        assert {n.channel for n in played.notes if n.part == 1} >= {band.CHORDS, band.BASS}
        assert {n.pitch % 12 for n in played.notes if n.part == 1} == {0, 4, 7}


class TestPlan:
    def test_each_file_comes_once_before_any_comes_again(self):
        midi = tuple(Path(f"{name}.mid") for name in "abcde")
        sources = song.Sources(midi, ((Path("x.wav"), Path("y.wav")),), (Path("a.sf2"),))
        plans = [song.draw_plan(sources, 0, number) for number in range(10)]

        assert {plan.midi for plan in plans[:5]} == {plan.midi for plan in plans[5:]} == set(midi)
        assert plans == [song.draw_plan(sources, 0, number) for number in range(10)]
        assert plans != [song.draw_plan(sources, 1, number) for number in range(10)]
        assert plans[3].name == f"singing__{plans[3].midi.stem}__0003.opus"


class TestMaster:
    def test_records_are_loud_and_never_clip(self, take, tune, rng):
        voice = sing(take, syllables(tune, 0.0, rng), -12, Manner(), 8.0, rng)
        mixed = song.master(song.produce(voice, rng), synth.melody(rng, 8.0, RATE_HZ), slice(None), rng)

        assert len(mixed) == 8 * RATE_HZ
        assert -15 < 20 * np.log10(rms(mixed)) < -9
        assert np.max(np.abs(mixed)) <= 10 ** (song.CEILING_DB / 20) + 1e-3

    def test_silent_band_is_refused(self, rng):
        with pytest.raises(TrainingDataError, match="silent"):
            song.master(np.ones(800, np.float32), np.zeros(800, np.float32), slice(None), rng)


@pytest.fixture
def sound_font():
    found = sorted(Path("/usr/share/sounds").glob("sf?/*.sf?"), key=lambda path: path.stat().st_size)
    if not found or not shutil.which("fluidsynth"):
        pytest.skip("needs fluidsynth and a sound font")
    return found[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_songs_are_made_once_and_listed(workers, midi, tmp_path, sound_font, rng):
    voices, out = tmp_path / "voices", tmp_path / "out"
    voices.mkdir()
    synth.write_wav(voices / "a.wav", synth.speech(rng, 8.0, RATE_HZ), RATE_HZ)
    (voices / "MANIFEST.csv").write_text("file,licence\na.wav,CC0-1.0\n")
    arguments = [str(voices), "--midi", midi, "--sound-font", sound_font, "--songs", 2, "--seconds", 6, "--out", out]
    arguments += ["--workers", workers]

    first = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    made_at = [path.stat().st_mtime_ns for path in sorted(out.iterdir()) if path.suffix == ".opus"]
    again = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)

    names = [f"singing__scale__000{number}.opus" for number in range(2)]
    assert (first.exit_code, first.output) == (again.exit_code, again.output) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["MANIFEST.csv", *names]
    assert [(out / name).stat().st_mtime_ns for name in names] == made_at
    with (out / "MANIFEST.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == names
    assert {(row["midi"], row["sound_font"], row["licences"]) for row in rows} == {
        ("scale.mid", sound_font.name, "CC0-1.0")
    }
    wave = read_audio(out / names[0], RATE_HZ)
    assert len(wave) == pytest.approx(6 * RATE_HZ, abs=0.05 * RATE_HZ)
    assert 0.15 < rms(wave) < 0.4


def test_each_song_of_an_album_is_planned_once(tmp_path, monkeypatch):
    planned = []

    def draws(sources, seed, number):
        planned.append(number)
        return song.draw_plan(sources, seed, number)

    monkeypatch.setattr(album, "draw_plan", draws)
    monkeypatch.setattr(album, "make_song", lambda *_: np.zeros(RATE_HZ, np.float32))
    sources = song.Sources((Path("a.mid"), Path("b.mid")), ((Path("x.wav"),),), (Path("a.sf2"),))
    problems = list(album.make_album(album.Album(sources, 3, 1.0, 0, tmp_path), workers=1))

    assert (problems, planned) == (["", "", ""], [0, 1, 2])
    assert len((tmp_path / "MANIFEST.csv").read_text().splitlines()) == 1 + 3


def test_licence_is_that_of_the_nearest_manifest(tmp_path):
    (tmp_path / "MANIFEST.csv").write_text("file,licence\nvoices/a.wav,MIT\n")
    (tmp_path / "voices").mkdir()

    assert album.licence_of(tmp_path / "voices" / "a.wav") == "MIT"
    assert album.licence_of(tmp_path / "voices" / "b.wav") == ""


def test_frames_are_those_of_the_vocoder(take):
    assert len(take.pitch_hz) == round(8.0 / FRAME_S) + 2  # one at each end, and the breath
