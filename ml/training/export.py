"""A trained encoder as one ONNX file from waveform to embedding, so that using it takes no spectrogram code."""

import tempfile
import warnings
from math import ceil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper

from songradar.ml.spec import EMBEDDING_DIM, AudioSpec
from songradar.ml.training.fourier import factors, first_matrix, in_cells, second_matrices
from songradar.ml.training.spectrogram import DB_PER_UNIT, mel_basis

OPSET = 17
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
    frames, frames_constants = _windowed_frames(spec)
    power, power_constants = _power(spec.n_frames, spec.n_fft)
    cells, cells_constants = _standardised(spec) if spec.kind == "contrastive" else _mel_image(spec)
    nodes = [
        *frames,
        *power,
        helper.make_node("MatMul", ["power", "mel_basis"], ["mel"]),
        helper.make_node("Max", ["mel", "amin"], ["audible"]),
        helper.make_node("Log", ["audible"], ["nepers"]),
        helper.make_node("Mul", ["nepers", "db_per_neper"], ["db"]),
        helper.make_node("ReduceMax", ["db"], ["loudest"], axes=[1, 2], keepdims=1),
        helper.make_node("Sub", ["db", "loudest"], ["relative"]),
        helper.make_node("Max", ["relative", "minus_top_db"], ["floored"]),
        *cells,
        helper.make_node("Unsqueeze", ["cells", "last_axis"], ["image"]),
    ]
    constants = {
        "mel_basis": in_cells(mel_basis(spec).T, spec.n_fft),
        "amin": np.float32(AMIN),
        "db_per_neper": np.float32(10 / np.log(10)),
        "minus_top_db": np.float32(-spec.top_db),
        "last_axis": np.array([-1]),
    }
    constants |= frames_constants | power_constants | cells_constants
    waveform = helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["n", spec.fragment_samples])
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", None, None, 1])
    return _model("front", nodes, waveform, image, constants)


def _windowed_frames(spec: AudioSpec) -> _Part:
    """`waveform` (N, fragment_samples) -> `windowed` (N, n_frames, n_fft): the frames, times a Hann window.

    The waveform is cut into rows of one hop. Frame f is row f and the beginning of what follows, so all frames together
    are some slices of the rows side by side, which copies memory in long runs; gathering sample by sample takes longer
    than the transform. Frame 0 of the article's pictures is centred on sample 0, as in librosa, with zeros before it.
    """
    hop, n_rows = spec.hop_length, spec.n_frames - 1 + ceil(spec.n_fft / spec.hop_length)
    before = 0 if spec.kind == "contrastive" else spec.n_fft // 2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(spec.n_fft) / spec.n_fft)  # periodic
    constants = {
        "pads": np.array([0, before, 0, n_rows * hop - before - spec.fragment_samples]),
        "rows_shape": np.array([-1, n_rows, hop]),
        "rows_and_samples": np.array([1, 2]),
        "window": window.astype(np.float32),
    }
    pieces = []
    for row, start in enumerate(range(0, spec.n_fft, hop)):
        constants[f"from_{row}"] = np.array([row, 0])
        constants[f"to_{row}"] = np.array([row + spec.n_frames, min(hop, spec.n_fft - start)])
        names = ["rows", f"from_{row}", f"to_{row}", "rows_and_samples"]
        pieces.append(helper.make_node("Slice", names, [f"piece_{row}"]))
    nodes = [
        helper.make_node("Pad", ["waveform", "pads"], ["padded"]),
        helper.make_node("Reshape", ["padded", "rows_shape"], ["rows"]),
        *pieces,
        helper.make_node("Concat", [piece.output[0] for piece in pieces], ["whole_frames"], axis=2),
        helper.make_node("Mul", ["whole_frames", "window"], ["windowed"]),
    ]
    return nodes, constants


def _power(n_frames: int, n_fft: int) -> _Part:
    """`windowed` (N, n_frames, n_fft) -> `power` (N, n_frames, cells), in the order of `fourier.in_cells`."""
    a, b = factors(n_fft)
    n_rows = a // 2 + 1
    nodes = [
        helper.make_node("Reshape", ["windowed", "frames_shape"], ["samples"]),
        helper.make_node("MatMul", ["first_matrix", "samples"], ["first_parts"]),
        helper.make_node("Reshape", ["first_parts", "first_shape"], ["first"]),
        helper.make_node("Transpose", ["first"], ["by_row"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["by_row", "second_matrices"], ["spectrum"]),
        helper.make_node("Split", ["spectrum"], ["real", "imaginary"], axis=-1),
        helper.make_node("Mul", ["real", "real"], ["real_power"]),
        helper.make_node("Mul", ["imaginary", "imaginary"], ["imaginary_power"]),
        helper.make_node("Add", ["real_power", "imaginary_power"], ["power_by_row"]),
        helper.make_node("Transpose", ["power_by_row"], ["power_by_frame"], perm=[1, 0, 2]),
        helper.make_node("Reshape", ["power_by_frame", "power_shape"], ["power"]),
    ]
    constants = {
        "frames_shape": np.array([-1, a, b]),
        "first_matrix": first_matrix(n_fft),
        "first_shape": np.array([-1, n_rows, 2 * b]),
        "second_matrices": second_matrices(n_fft),
        "power_shape": np.array([-1, n_frames, n_rows * b]),
    }
    return nodes, constants


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
