"""What an evaluation is put together from."""

from songradar.evaluate import read_surroundings
from songradar.ml.queries import RATE_HZ
from tests import synth


def test_talk_is_one_of_the_noises_and_is_decoded_once(tmp_path, rng):
    """The very same samples, and not a second copy of them."""
    for name in ("crowd.wav", "speech-1.wav", "traffic.wav"):
        synth.write_wav(tmp_path / name, synth.speech(rng, 1.0, RATE_HZ), RATE_HZ)

    surroundings = read_surroundings([tmp_path], [], None)

    assert [any(noise is talk for talk in surroundings.talk) for noise in surroundings.noises] == [False, True, False]
    assert len(surroundings.talk) == 1


def test_without_folders_there_is_neither_noise_nor_talk():
    surroundings = read_surroundings([], [], None)

    assert (surroundings.noises, surroundings.talk) == ([], [])
