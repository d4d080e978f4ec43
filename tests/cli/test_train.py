"""From a folder of music to an encoder that names songs; and the pictures on the way."""

import json

import pytest

from tests import synth

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """What `train siamese` leaves after one short epoch on eight synthetic songs."""
    from click.testing import CliRunner

    from songradar.cli.main import main

    music, out = tmp_path_factory.mktemp("music"), tmp_path_factory.mktemp("runs") / "tiny"
    rng = synth.np.random.default_rng(5)
    for number in range(8):
        synth.write_wav(music / f"{number}.wav", synth.melody(rng, 42.0))
    (music / "broken.mp3").write_bytes(b"")
    command = ["train", "siamese", str(music), "--out", str(out), "--epochs", "1", "--steps", "2", "--pairs", "4"]
    command += ["--recordings", "1"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return out


def test_training_leaves_all_that_an_encoder_needs(run_folder):
    names = {path.name for path in run_folder.iterdir()}

    assert names >= {
        "best.keras", "last.keras", "curves.csv", "curves.png", "encoder.onnx", "spec.json", "metrics.json", "CARD.md"
    }  # fmt: skip
    assert json.loads((run_folder / "metrics.json").read_text())["parameters"] == 92_672
    assert "songs, fragments | 8, 32 |" in (run_folder / "CARD.md").read_text()


def test_trained_encoder_is_added_and_names_the_beginning_of_a_song(run_folder, database, run, tmp_path, rng):
    song = synth.melody(rng, 30.0)
    synth.write_wav(tmp_path / "Someone - Something.wav", song)
    clip = synth.write_wav(tmp_path / "clip.wav", synth.cut(song, 10.0, 10.0))
    run("encoders", "add", run_folder)
    run("encoders", "use", "tiny")
    run("ingest", tmp_path / "Someone - Something.wav")
    answer = json.loads(run("search", "--json", clip).stdout)

    assert answer["encoder"] == "tiny"
    assert (answer["matches"][0]["title"], answer["matches"][0]["offset_s"]) == ("Something", 10.0)


def test_clip_shorter_than_a_fragment_gets_a_clear_sentence(run_folder, database, run, tmp_path, rng):
    run("encoders", "add", run_folder)
    short = synth.write_wav(tmp_path / "short.wav", synth.melody(rng, 7.0))
    run("ingest", "--encoder", "tiny", synth.write_wav(tmp_path / "song.wav", synth.melody(rng, 30.0)))
    result = run("search", "--encoder", "tiny", short)

    assert result.exit_code == 1
    assert result.stdout == f"{short}: no match (is too short: 7.0 s, and encoder tiny needs at least 10 s)\n"


def test_too_little_music_is_one_sentence(run, tmp_path, rng):
    synth.write_wav(tmp_path / "one.wav", synth.melody(rng, 30.0))
    result = run("train", "siamese", tmp_path, "--out", tmp_path / "out")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "songradar: 1 usable songs; training needs at least 4"


def test_odd_number_of_pairs_is_refused(run, tmp_path):
    result = run("train", "siamese", tmp_path, "--out", tmp_path / "out", "--pairs", 5)

    assert result.exit_code == 2
    assert "--pairs 5 is odd" in result.stderr


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Folders of music, noise and impulse responses; at a share of 0.3 numbers 7, 12, 15 are for validation, 4 for the
    test.
    """
    root = tmp_path_factory.mktemp("sounds")
    rng = synth.np.random.default_rng(6)
    numbers = {"music": (0, 1, 2, 3, 4, 5, 12, 15), "noise": (0, 1, 12), "ir": (0, 1, 2, 3, 4, 7, 12)}
    for kind, mine in numbers.items():
        (root / kind).mkdir()
        for number in mine:
            wave = {"music": synth.melody(rng, 30.0), "noise": 0.1 * rng.standard_normal(30_000)}.get(
                kind, rng.standard_normal(2000) * synth.np.exp(-synth.np.arange(2000) / 300)
            )
            synth.write_wav(root / kind / f"{'device' if number % 2 else 'room'}_{number}.wav", wave)
    return root


def contrastive(sounds, out, *options):
    from click.testing import CliRunner

    from songradar.cli.main import main

    folders = [str(sounds / "music"), "--noise", str(sounds / "noise"), "--ir", str(sounds / "ir"), "--out", str(out)]
    return CliRunner().invoke(main, ["train", "contrastive", *folders, "--held-out", "0.3", *options])


def test_contrastive_training_leaves_an_encoder_that_names_songs(sounds, database, run, tmp_path):
    out = tmp_path / "tiny"
    options = ["--epochs", "2", "--steps", "2", "--pairs", "8", "--chunks", "8", "--trial", "1", "--recordings", "1"]
    options += ["--widths", "8", "8", "8", "8"]
    result = contrastive(sounds, out, *options)
    assert result.exit_code == 0, result.output
    run("encoders", "add", out)
    run("encoders", "use", "tiny")
    run("ingest", sounds / "music")
    clip = sounds / "music" / "room_2.wav"

    assert {path.name for path in out.iterdir()} >= {
        "best.keras", "last.keras", "curves.csv", "curves.png", "encoder.onnx", "spec.json", "metrics.json", "CARD.md",
        "validation.txt", "test.txt",
    }  # fmt: skip
    assert (out / "test.txt").read_text() == "room_4.wav\n"
    assert (out / "validation.txt").read_text() == "device_15.wav\ndevice_7.wav\nroom_12.wav\n"
    assert json.loads((out / "metrics.json").read_text())["parameters"] <= 2_000_000
    assert json.loads(run("search", "--json", clip).stdout)["matches"][0]["title"] == "room 2"


def test_preview_writes_examples_and_trains_nothing(sounds, tmp_path):
    result = contrastive(sounds, tmp_path, "--preview", "2")

    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} - {"bank"} == {
        "0.png", "0_clean.wav", "0_degraded.wav", "1.png", "1_clean.wav", "1_degraded.wav"
    }  # fmt: skip


def test_contrastive_training_needs_noise_that_can_be_read(sounds, tmp_path):
    (tmp_path / "empty").mkdir()
    result = contrastive(sounds, tmp_path / "out", "--noise", str(tmp_path / "empty"))

    assert (result.exit_code, "empty: holds no audio files" in result.stderr) == (2, True)


def test_contrastive_training_needs_a_start_that_is_there(sounds, tmp_path):
    result = contrastive(sounds, tmp_path / "out", "--start", str(tmp_path / "none"))

    assert (result.exit_code, "none: holds no training to begin with (No such file" in result.stderr) == (2, True)


def test_transpositions_must_be_apart_from_each_other(sounds, tmp_path):
    result = contrastive(sounds, tmp_path / "out", "--transpose", "4", "--transpose", "5")

    assert (result.exit_code, "less than 2 semitones apart" in result.stderr) == (2, True)


def test_credits_that_are_not_there_are_told_before_the_work(sounds, tmp_path):
    result = contrastive(sounds, tmp_path / "out", "--credits", str(tmp_path / "none.md"))

    assert (result.exit_code, "none.md: No such file" in result.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_spectrogram_draws_each_fragment(run, tmp_path, rng):
    song = synth.write_wav(tmp_path / "song.wav", synth.melody(rng, 25.0))
    result = run("spectrogram", song, "-o", tmp_path / "pictures")

    assert result.stdout == f"2 pictures in {tmp_path / 'pictures'}\n"
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["song-0000s.png", "song-0010s.png"]
