"""From the fp32 graph to int8: quantise and dequantise pairs round every convolution, calibrated on real pictures.

TensorRT and OpenVINO both run such a graph, each with its own integer kernels. ONNX Runtime's quantiser makes it: it
needs one more package (MIT, 28 MB, and flatbuffers), works on ONNX itself and knows symmetric ranges per channel, as
TensorRT wants them. NNCF needs ONNX Runtime as well for ONNX files, and scikit-learn and more; ModelOpt needs CuPy.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import onnx

from poco_ros.engine.base import Array, TensorSpec
from poco_ros.errors import ExportError
from poco_ros.export.onnx_file import ancestors
from poco_ros.export.pictures import ImageArray, checked_crops, feeds_for

#: Crops used at most; more take time and change the ranges little.
MAX_CALIBRATION_CROPS = 64
# The few values beyond are cut off: with the largest value as the range, joints were off by up to 1.7 times as much.
_PERCENTILE = 99.99


def quantise(
    model: onnx.ModelProto, crops: ImageArray, inputs: tuple[TensorSpec, ...], boundary: Iterable[str]
) -> onnx.ModelProto:
    """Quantise the image network's convolutions to int8.

    Weights are symmetric per output channel, activations symmetric per tensor, with a range that holds 99.99 % of the
    values on the calibration pictures. What is not a convolution is computed in fp32, but of the quantised values where
    it reads what a convolution reads. Behind the boundary nothing changes.

    :param model: in fp32, as :func:`poco_ros.export.onnx_file.export_onnx` gives it.
    :param crops: (M, 224, 224, 3) uint8 RGB, people as the camera will show them; of more than
        ``MAX_CALIBRATION_CROPS`` every second, third, ... is used.
    :param inputs: of the graph.
    :param boundary: tensors behind which nothing is quantised.
    :returns: a new model with the same inputs and outputs.
    :raises ExportError: when ONNX Runtime is not installed, the crops are not crops, or the quantiser fails.
    """
    try:
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    except ImportError as error:
        raise ExportError(f'int8 needs ONNX Runtime, which cannot be imported ({error}); install it: '
                          'pip install onnxruntime') from error
    crops = checked_crops(crops)
    chosen = crops[:: -(-len(crops) // MAX_CALIBRATION_CROPS)]
    convolutions = [
        model.graph.node[i].name for i in sorted(ancestors(model, boundary)) if model.graph.node[i].op_type == 'Conv']
    with tempfile.TemporaryDirectory(prefix='poco-quantise-') as folder, _quiet():
        source, result = Path(folder) / 'fp32.onnx', Path(folder) / 'int8.onnx'
        onnx.save(model, source)
        try:
            quantize_static(
                source, result, _reader(inputs, chosen), quant_format=QuantFormat.QDQ, per_channel=True,
                nodes_to_quantize=convolutions, op_types_to_quantize=['Conv'],
                activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.Percentile,
                extra_options={
                    'CalibPercentile': _PERCENTILE,
                    # One picture's tensors in memory at a time, whatever the name says.
                    'CalibStridedMinMax': 1,
                    'ActivationSymmetric': True, 'WeightSymmetric': True, 'QuantizeBias': False,
                    # Ranges stand before the convolutions only: the additions behind them read what was computed.
                    'OpTypesToExcludeOutputQuantization': ['Conv'],
                },
            )
            quantised = onnx.load(result)
        except Exception as error:  # its exceptions have no common base
            raise ExportError(f'ONNX Runtime cannot quantise the graph: {error}') from error
    return quantised


def _reader(inputs: tuple[TensorSpec, ...], crops: ImageArray) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """One person at a time."""

        def __init__(self) -> None:
            self._feeds = feeds_for(inputs, crops)
            self._rows = iter(range(len(crops)))

        def __len__(self) -> int:
            return len(crops)

        def set_range(self, start_index: int, end_index: int) -> None:
            self._rows = iter(range(start_index, end_index))

        def get_next(self) -> dict[str, Array] | None:
            row = next(self._rows, None)
            return None if row is None else {name: array[row : row + 1] for name, array in self._feeds.items()}

    return Reader()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's talk to itself: its prints, and advice about options that were chosen on purpose."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
