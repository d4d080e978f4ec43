"""An encoder that needs no training: the shape of the spectrum of one second, as a unit vector.

It names clean cuts of synthetic melodies, which is all that most tests ask, in a thousandth of the time.
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from songradar.ml.spec import EMBEDDING_DIM, AudioSpec

SPEC = AudioSpec(
    kind="toy",
    sample_rate_hz=8000,
    fragment_s=1.0,
    hop_s=0.5,
    query_hop_s=0.25,
    dim=EMBEDDING_DIM,
    n_fft=800,
    hop_length=800,
    n_mels=EMBEDDING_DIM,
    n_frames=10,
)


def write_toy_encoder(folder: Path, seed: int = 0) -> Path:
    """Write encoder.onnx and spec.json; another seed weighs the bands differently, so it is another network."""
    folder.mkdir(parents=True, exist_ok=True)
    n = SPEC.n_fft
    angles = 2 * np.pi * np.outer(np.arange(n), np.geomspace(80, 3600, EMBEDDING_DIM) / SPEC.sample_rate_hz)
    window = np.hanning(n)[:, None]
    weights = np.random.default_rng(seed).uniform(0.8, 1.2, EMBEDDING_DIM)
    constants = {
        "frames": np.array([-1, SPEC.n_frames, n]),
        "cosines": (window * np.cos(angles) * weights).astype(np.float32),
        "sines": (window * np.sin(angles) * weights).astype(np.float32),
        "tiny": np.float32(1e-3),
    }
    nodes = [
        helper.make_node("Reshape", ["waveform", "frames"], ["cut"]),
        helper.make_node("MatMul", ["cut", "cosines"], ["re"]),
        helper.make_node("MatMul", ["cut", "sines"], ["im"]),
        helper.make_node("Mul", ["re", "re"], ["re2"]),
        helper.make_node("Mul", ["im", "im"], ["im2"]),
        helper.make_node("Add", ["re2", "im2"], ["power"]),
        helper.make_node("ReduceMean", ["power"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Add", ["mean", "tiny"], ["above_zero"]),
        helper.make_node("Log", ["above_zero"], ["log"]),
        helper.make_node("ReduceMean", ["log"], ["level"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["log", "level"], ["shape"]),
        helper.make_node("LpNormalization", ["shape"], ["embedding"], axis=1, p=2),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["n", SPEC.fragment_samples])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", EMBEDDING_DIM])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "encoder.onnx").write_bytes(model.SerializeToString())
    SPEC.write(folder / "spec.json")
    return folder
