"""Models that a bundle should never bring, built with TensorFlow for the child that meets them first."""

from collections.abc import Callable
from typing import Any

import flatbuffers
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema


def convert(answer: Callable[[Any], Any], width: int) -> bytes:
    """A TFLite model of a function from inputs (1, width)."""
    traced = tf.function(answer).get_concrete_function(tf.TensorSpec([1, width], tf.float32))
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced], traced.graph).convert())


def hanging(width: int, outputs: int) -> bytes:
    """It counts up for as long as a sum of zeros is below one."""

    def answer(x: Any) -> Any:
        return tf.while_loop(lambda y: tf.reduce_sum(y * 0.0) < 1.0, lambda y: [y + 1.0], [x])[0][:, :outputs]

    return convert(answer, width)


def crashing(width: int, outputs: int) -> bytes:
    """One bit of the hanging one flipped: the body of its loop is the whole model, and so on without end."""
    model = schema.ModelT.InitFromPackedBuf(hanging(width, outputs), 0)
    loop = next(
        op.builtinOptions
        for op in model.subgraphs[0].operators
        if hasattr(op.builtinOptions, "bodySubgraphIndex")
    )
    assert loop.bodySubgraphIndex == 2
    loop.bodySubgraphIndex = 0
    return packed(model)


def greedy(width: int, outputs: int, mebibytes: int = 8000) -> bytes:
    """It fills so much memory, and tells only when it runs."""

    def answer(x: Any) -> Any:
        blocks = tf.cast(tf.abs(x[0, 0]), tf.int32) + mebibytes
        return tf.reduce_sum(tf.fill([blocks, 512, 512], x[0, 0])) * 1e-30 + x[:, :outputs]

    return convert(answer, width)


def poisoned(model: bytes) -> bytes:
    """The model with its largest tensor of weights full of NaN."""
    table = schema.ModelT.InitFromPackedBuf(model, 0)
    floats = [tensor for tensor in table.subgraphs[0].tensors if tensor.type == schema.TensorType.FLOAT32]
    sizes = {
        tensor.buffer: len(data)
        for tensor in floats
        if (data := table.buffers[tensor.buffer].data) is not None
    }
    largest = max(sizes, key=sizes.__getitem__)
    table.buffers[largest].data = list(b"\x00\x00\xc0\x7f" * (sizes[largest] // 4))
    return packed(table)


def packed(model: Any) -> bytes:
    """The bytes of a model as a table."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
