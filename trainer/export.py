"""A Keras model as TFLite, for the edge's interpreter."""

import contextlib
import io
from typing import Any


def float32(model: Any) -> bytes:
    """The weights as they are: exact, loads in both runtimes, and on nets this small hardly larger."""
    import tensorflow as tf  # seconds to import

    from trainer.quiet import quiet

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    # TensorFlow prints the graph's signature to stdout, where a caller may want JSON
    with quiet(), contextlib.redirect_stdout(io.StringIO()):
        return bytes(converter.convert())
