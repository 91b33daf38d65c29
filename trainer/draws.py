"""Batches drawn at random, the same ones by seed."""

from typing import Any

import numpy as np

from edge.detection.window import Inputs


def draws(inputs: Inputs, targets: Inputs, batch: int, count: int, seed: int) -> Any:
    """`count` batches of rows of inputs (n, width) and targets (n, ...), as a tf.data.Dataset."""
    import tensorflow as tf  # keras's own backend; only its data pipeline is needed here

    rng = np.random.default_rng(seed)

    def drawn() -> Any:
        for _ in range(count):
            rows = rng.integers(0, len(inputs), batch)
            yield inputs[rows], targets[rows]

    kinds = tuple(tf.TensorSpec((None, each.shape[1]), tf.float32) for each in (inputs, targets))
    return tf.data.Dataset.from_generator(drawn, output_signature=kinds).prefetch(4)
