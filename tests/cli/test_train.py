"""From a folder of music to an encoder that names songs; and the pictures on the way."""

import json

import pytest

from tests import synth

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """What `train siamese` leaves after one short epoch on eight synthetic songs."""
    from click.testing import CliRunner

    from cli.main import main

    music, out = tmp_path_factory.mktemp("music"), tmp_path_factory.mktemp("runs") / "tiny"
    rng = synth.np.random.default_rng(5)
    for number in range(8):
        synth.write_wav(music / f"{number}.wav", synth.melody(rng, 42.0))
    (music / "broken.mp3").write_bytes(b"")
    command = ["train", "siamese", str(music), "--out", str(out), "--epochs", "1", "--steps", "2", "--pairs", "4"]
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
    result = run("search", "--encoder", "tiny", short)

    assert result.exit_code == 2
    assert result.stderr == f"{short}: is too short: 7.0 s, and encoder tiny needs at least 10 s\n"


def test_too_little_music_is_one_sentence(run, tmp_path, rng):
    synth.write_wav(tmp_path / "one.wav", synth.melody(rng, 30.0))
    result = run("train", "siamese", tmp_path, "--out", tmp_path / "out")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "songradar: 1 usable songs; training needs at least 4"


def test_odd_number_of_pairs_is_refused(run, tmp_path):
    result = run("train", "siamese", tmp_path, "--out", tmp_path / "out", "--pairs", 5)

    assert result.exit_code == 2
    assert "--pairs 5 is odd" in result.stderr


def test_spectrogram_draws_each_fragment(run, tmp_path, rng):
    song = synth.write_wav(tmp_path / "song.wav", synth.melody(rng, 25.0))
    result = run("spectrogram", song, "-o", tmp_path / "pictures")

    assert result.stdout == f"2 pictures in {tmp_path / 'pictures'}\n"
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["song-0000s.png", "song-0010s.png"]
