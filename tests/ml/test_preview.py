"""What a person hears and sees of the degradations."""

import av
import numpy as np
import pytest

from songradar.ml.audio import read_audio
from tests.ml.tiny import CONTRASTIVE_SPEC as SPEC

pytestmark = pytest.mark.train


@pytest.fixture
def preview(sides):
    from songradar.ml.training.contrastive.config import Recipe
    from songradar.ml.training.contrastive.preview import write_previews

    def preview(out, n=2, seed=0, **recipe):
        out.mkdir(exist_ok=True)
        write_previews(sides[0], SPEC, Recipe(**recipe), n, seed, out)

    return preview


def test_each_example_is_two_recordings_and_a_picture(preview, tmp_path):
    preview(tmp_path)

    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [f"{i}{end}" for i in range(2) for end in (".png", "_clean.wav", "_degraded.wav")]
    for path in tmp_path.glob("*.wav"):
        wave = read_audio(path, SPEC.sample_rate_hz)
        assert len(wave) == 5 * SPEC.sample_rate_hz
        assert 0.01 < np.sqrt(np.mean(wave**2)) < 0.5
    for path in tmp_path.glob("*.png"):
        with av.open(str(path)) as picture:
            [frame] = picture.decode(video=0)
            assert (frame.width, frame.height) == (880, 660)


def test_previews_depend_on_the_seed_only(preview, tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        preview(tmp_path / name, n=1, seed=seed)

    one, again, other = ((tmp_path / name / "0_degraded.wav").read_bytes() for name in ("one", "again", "other"))
    assert one == again != other


def test_both_recordings_begin_at_the_same_moment(sides, preview, tmp_path):
    preview(tmp_path, n=4, warp=False, room=False, codec=False, band_pass=False)

    lags = []
    for number in range(4):
        clean, degraded = (
            read_audio(tmp_path / f"{number}_{kind}.wav", SPEC.sample_rate_hz) for kind in ("clean", "degraded")
        )
        n_fft = 2 * len(clean)
        likeness = np.fft.irfft(np.fft.rfft(degraded, n_fft) * np.conj(np.fft.rfft(clean, n_fft)), n_fft)
        lag = int(np.argmax(np.abs(likeness)))
        lags.append(min(lag, n_fft - lag) / SPEC.sample_rate_hz)

    assert np.median(lags) < 0.02
