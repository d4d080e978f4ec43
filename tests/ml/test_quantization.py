"""The network in eight bits says what the network in floating point says, from a smaller file."""

import numpy as np
import onnx
import pytest

from songradar.ml.encoder import Encoder
from songradar.ml.spec import CONTRASTIVE
from tests import synth

pytestmark = pytest.mark.train


def test_quantized_encoder_is_smaller_and_says_nearly_the_same(rng):
    from songradar.ml.training.contrastive.network import contrastive_encoder
    from songradar.ml.training.export import encoder_onnx
    from songradar.ml.training.quantization import quantized

    network = contrastive_encoder(CONTRASTIVE, (16, 16, 16, 16))
    song = synth.melody(rng, 40.0, CONTRASTIVE.sample_rate_hz)
    fragments = np.stack(np.split(song[: 40 * CONTRASTIVE.fragment_samples], 40))
    whole = encoder_onnx(network, CONTRASTIVE)

    small = quantized(whole, fragments[:20])

    codes = [i for i in onnx.load_from_string(small).graph.initializer if i.data_type == onnx.TensorProto.INT8]
    convolutions = [node for node in onnx.load_from_string(whole).graph.node if node.op_type == "Conv"]
    assert len({code.name for code in codes if code.name.endswith("_quantized")}) == len(convolutions)
    assert len(small) < len(whole)
    one, other = (Encoder(model, CONTRASTIVE, "x").embed(fragments[20:]) for model in (whole, small))
    assert np.linalg.norm(one - other, axis=1).max() < 0.25 * np.mean(np.linalg.norm(one[:, None] - one, axis=2))
