"""The network in eight bits says what the network in floating point says, from a smaller file."""

import numpy as np
import onnx
import pytest

from songradar.ml.encoder import Encoder
from songradar.ml.spec import CONTRASTIVE
from tests import synth

pytestmark = pytest.mark.train


@pytest.fixture
def whole():
    """A narrow network in floating point, the same in each run."""
    import keras

    from songradar.ml.training.contrastive.network import contrastive_encoder
    from songradar.ml.training.export import encoder_onnx

    keras.utils.set_random_seed(7)
    return encoder_onnx(contrastive_encoder(CONTRASTIVE, (16, 16, 16, 16)), CONTRASTIVE)


@pytest.fixture
def fragments(rng):
    song = synth.melody(rng, 40.0, CONTRASTIVE.sample_rate_hz)
    return np.stack(np.split(song[: 40 * CONTRASTIVE.fragment_samples], 40))


def nodes(model, kind):
    return [node for node in onnx.load_from_string(model).graph.node if node.op_type == kind]


def test_quantized_encoder_is_smaller_and_says_nearly_the_same(whole, fragments):
    from songradar.ml.training.quantization import quantized

    small = quantized(whole, fragments[:20])

    codes = [i for i in onnx.load_from_string(small).graph.initializer if i.data_type == onnx.TensorProto.INT8]
    convolutions = nodes(whole, "Conv")
    assert len({code.name for code in codes if code.name.endswith("_quantized")}) == len(convolutions) - 1
    assert len(small) < len(whole)
    one, other = (Encoder(model, CONTRASTIVE, "x").embed(fragments[20:]) for model in (whole, small))
    assert np.linalg.norm(one - other, axis=1).max() < 0.25 * np.mean(np.linalg.norm(one[:, None] - one, axis=2))


def test_convolution_of_averages_is_one_convolution(whole, fragments):
    from songradar.ml.training.quantization import pool_within_convolutions

    model = onnx.load_from_string(whole)
    pool_within_convolutions(model.graph)
    merged = model.SerializeToString()

    assert (len(nodes(whole, "AveragePool")), len(nodes(merged, "AveragePool"))) == (4, 1)  # 7 frames are odd
    one, other = (Encoder(each, CONTRASTIVE, "x").embed(fragments[:8]) for each in (whole, merged))
    np.testing.assert_allclose(other, one, atol=1e-5)


def test_rounding_of_a_convolution_is_its_relu(whole, fragments):
    from songradar.ml.training.quantization import quantized

    small = quantized(whole, fragments[:20])

    after = {name for node in nodes(small, "Conv")[1:] for name in node.output}
    assert len(nodes(whole, "Relu")) - len(nodes(small, "Relu")) == 4
    assert not any(node.input[0] in after for node in nodes(small, "Relu"))
