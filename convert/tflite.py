"""Keras to TFLite bytes; one function a format. To add one: a function here and a line in FORMATS.

Whatever is inside, a file takes float32 windows and gives float32 answers, so that the edge's
scorer need not know its format.
"""

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any

from edge.detection.window import Inputs
from trainer import export


def float32(model: Any, inputs: Inputs) -> bytes:
    """The weights as they are."""
    del inputs
    return export.float32(model)


def float16(model: Any, inputs: Inputs) -> bytes:
    """Weights in half precision; the interpreter widens them, and computes in float32."""
    del inputs
    import tensorflow as tf  # seconds to import

    converter = _optimising(model)
    converter.target_spec.supported_types = [tf.float16]
    return _converted(converter)


def dynamic_range(model: Any, inputs: Inputs) -> bytes:
    """Large weights in 8 bits, one scale a layer; what meets them is rounded to 8 bits as it comes."""
    del inputs
    converter = _optimising(model)
    # a scale for each output makes a FULLY_CONNECTED that tflite-runtime 2.14 does not know
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return _converted(converter)


def int8(model: Any, inputs: Inputs) -> bytes:
    """Weights and all that is computed in 8 bits, on scales that fit windows (n, width) of the history.

    All of them: a thousand made the scales up to a third too narrow for what is rare, and the flags
    half as far again from the trained model's; and took as long.
    """
    import tensorflow as tf

    def windows() -> Iterator[list[Inputs]]:
        for row in range(len(inputs)):
            yield [inputs[row : row + 1]]

    converter = _optimising(model)
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    converter.representative_dataset = windows
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return _converted(converter)


def _optimising(model: Any) -> Any:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter


def _converted(converter: Any) -> bytes:
    # TensorFlow prints the graph's signature to stdout, where a caller may want JSON
    with contextlib.redirect_stdout(io.StringIO()):
        return bytes(converter.convert())


FORMATS: dict[str, Callable[[Any, Inputs], bytes]] = {
    "float32": float32,
    "float16": float16,
    "dynamic-range": dynamic_range,
    "int8": int8,
}
