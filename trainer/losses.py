"""What the networks are trained to make small."""

from collections.abc import Callable
from typing import Any

import keras

# Beyond this many deviations an error counts by its size, not its square: histories hold faults.
HUBER_DEVIATIONS = 2.0


def surprise_loss(views: int, channels: int) -> Callable[[Any, Any], Any]:
    """Huber of the error in deviations, plus the log deviation: a robust Gaussian likelihood.

    Targets (n, views * channels); of the answers the first 2 * views * channels count.
    """

    def loss(target: Any, answer: Any) -> Any:
        answers = keras.ops.reshape(answer[:, : 2 * views * channels], (-1, views, 2, channels))
        mean, log_deviation = answers[:, :, 0], answers[:, :, 1]
        newest = keras.ops.reshape(target, (-1, views, channels))
        distance = keras.ops.abs(newest - mean) * keras.ops.exp(-log_deviation)
        near = keras.ops.minimum(distance, HUBER_DEVIATIONS)
        huber = 0.5 * near * near + HUBER_DEVIATIONS * (distance - near)
        return keras.ops.mean(huber + log_deviation)

    return loss


def known_log_loss(truth: Any, odds: Any) -> Any:
    """Logistic loss of log odds (n, shapes) where the truth is 1 or 0; below 0 nobody knows it."""
    known = keras.ops.cast(truth >= 0.0, "float32")
    right = keras.ops.maximum(truth, 0.0)
    loss = keras.ops.maximum(odds, 0.0) - odds * right + keras.ops.log1p(keras.ops.exp(-keras.ops.abs(odds)))
    return keras.ops.sum(loss * known, axis=-1)
