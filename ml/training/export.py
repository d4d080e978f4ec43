"""A trained encoder as one ONNX file from waveform to embedding, so that using it takes no spectrogram code."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper

from songradar.ml.spec import EMBEDDING_DIM, AudioSpec
from songradar.ml.training.spectrogram import DB_PER_UNIT, mel_basis

OPSET = 17  # the first with the STFT operator
AMIN = 1e-10  # librosa.power_to_db's floor of power

_Part = tuple[list[Any], dict[str, Any]]
"""Nodes, and the constants they name."""


def encoder_onnx(
    encoder: keras.Model, spec: AudioSpec, scale: float = 1.0, centre: NDArray[np.float32] | None = None
) -> bytes:
    """ONNX bytes: `waveform` (N, fragment_samples) float32 -> `embedding` (N, 64) float32.

    Three graphs in a row: librosa's mel spectrogram, the Keras encoder, and the last step to a
    database row (less `centre`, times `scale`, padded with zeros).
    """
    network = compose.add_prefix(_keras_onnx(encoder), "net_")
    with_front = _merge(_front(spec), network, {"image": network.graph.input[0].name})
    whole = _merge(
        with_front, _tail(encoder.output_shape[-1], scale, centre), {network.graph.output[0].name: "features"}
    )
    onnx.checker.check_model(whole)
    return whole.SerializeToString()


def _keras_onnx(encoder: keras.Model) -> onnx.ModelProto:
    encoder(np.zeros((1, *encoder.input_shape[1:]), np.float32))  # Keras exports only what has been called
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # Keras looks for `np.object`
        path = Path(folder, "encoder.onnx")
        encoder.export(path, format="onnx", opset_version=OPSET, verbose=False)
        return onnx.load(path)


def _front(spec: AudioSpec) -> onnx.ModelProto:
    """`waveform` (N, fragment_samples) -> `image`: the input of the network, as `ml.training.spectrogram` has it."""
    before, after, (nodes, constants) = (
        (0, 0, _standardised(spec)) if spec.kind == "contrastive" else (*_centred(spec), _mel_image(spec))
    )
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(spec.n_fft) / spec.n_fft)  # periodic Hann
    constants |= {
        "pads": np.array([0, before, 0, after]),
        "frame_step": np.array(spec.hop_length),
        "window": window.astype(np.float32),
        "last_axis": np.array([-1]),
        "mel_basis": mel_basis(spec).T,
        "amin": np.float32(AMIN),
        "db_per_neper": np.float32(10 / np.log(10)),
        "minus_top_db": np.float32(-spec.top_db),
    }
    nodes = [
        helper.make_node("Pad", ["waveform", "pads"], ["padded"]),
        helper.make_node("STFT", ["padded", "frame_step", "window"], ["stft"], onesided=1),
        helper.make_node("Mul", ["stft", "stft"], ["squared"]),
        helper.make_node("ReduceSum", ["squared", "last_axis"], ["power"], keepdims=0),
        helper.make_node("MatMul", ["power", "mel_basis"], ["mel"]),
        helper.make_node("Max", ["mel", "amin"], ["audible"]),
        helper.make_node("Log", ["audible"], ["nepers"]),
        helper.make_node("Mul", ["nepers", "db_per_neper"], ["db"]),
        helper.make_node("ReduceMax", ["db"], ["loudest"], axes=[1, 2], keepdims=1),
        helper.make_node("Sub", ["db", "loudest"], ["relative"]),
        helper.make_node("Max", ["relative", "minus_top_db"], ["floored"]),
        *nodes,
        helper.make_node("Unsqueeze", ["cells", "last_axis"], ["image"]),
    ]
    waveform = helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["n", spec.fragment_samples])
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", None, None, 1])
    return _model("front", nodes, waveform, image, constants)


def _centred(spec: AudioSpec) -> tuple[int, int]:
    """Zeros before and after the fragment, so that frame 0 is centred on sample 0, as in librosa."""
    before = spec.n_fft // 2
    return before, (spec.n_frames - 1) * spec.hop_length + spec.n_fft - before - spec.fragment_samples


def _mel_image(spec: AudioSpec) -> _Part:
    """`floored` (N, n_frames, n_mels) -> `cells` (N, n_mels, n_frames) in 0..1."""
    nodes = [
        helper.make_node("Div", ["floored", "top_db"], ["below_one"]),
        helper.make_node("Add", ["below_one", "one"], ["frames"]),
        helper.make_node("Transpose", ["frames"], ["cells"], perm=[0, 2, 1]),
    ]
    return nodes, {"top_db": np.float32(spec.top_db), "one": np.float32(1)}


def _standardised(_: AudioSpec) -> _Part:
    """`floored` (N, n_frames, n_mels) -> `cells` of the same shape, mean 0."""
    nodes = [
        helper.make_node("ReduceMean", ["floored"], ["mean"], axes=[1, 2], keepdims=1),
        helper.make_node("Sub", ["floored", "mean"], ["level"]),
        helper.make_node("Div", ["level", "db_per_unit"], ["cells"]),
    ]
    return nodes, {"db_per_unit": np.float32(DB_PER_UNIT)}


def _tail(dim: int, scale: float, centre: NDArray[np.float32] | None) -> onnx.ModelProto:
    """`features` (N, dim) -> `embedding` (N, 64)."""
    nodes = [
        helper.make_node("Sub", ["features", "centre"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["scaled"]),
        helper.make_node("Pad", ["scaled", "row_pads"], ["embedding"]),
    ]
    middle = np.zeros(dim, np.float32) if centre is None else centre
    constants = {"centre": middle, "scale": np.float32(scale), "row_pads": np.array([0, 0, 0, EMBEDDING_DIM - dim])}
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", dim])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", EMBEDDING_DIM])
    return _model("tail", nodes, features, embedding, constants)


def _model(name: str, nodes: list[Any], source: Any, result: Any, constants: dict[str, Any]) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, name, [source], [result], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])


def _merge(first: onnx.ModelProto, second: onnx.ModelProto, joints: dict[str, str]) -> onnx.ModelProto:
    version = min(first.ir_version, second.ir_version)  # merge_models wants them equal
    first.ir_version = second.ir_version = version
    merged = compose.merge_models(first, second, io_map=list(joints.items()))
    versions = {opset.domain: opset.version for opset in merged.opset_import}  # merge_models lists both graphs'
    del merged.opset_import[:]
    merged.opset_import.extend(helper.make_opsetid(*opset) for opset in versions.items())
    return merged
