"""Networks to choose from; each takes the windowing and gives an untrained Keras model.

To add one: a function here and a line in ARCHITECTURES. Whatever is inside, a model takes
inputs (n, width) and answers (n, 2 C): for each channel the mean of (newest - previous) in
steps, then for each channel the logarithm of the standard deviation.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from edge.window import Windowing

# The deviation stays between e^-2.5 and e^3 steps: no reading is certain, none unlimited.
LOG_DEVIATION_CENTRE, LOG_DEVIATION_REACH = 0.25, 2.75
INPUT_NOISE = 0.05


def masked(windowing: Windowing) -> Any:
    """A masked autoencoder: each channel's newest sample from all else, and how sure that is.

    A network of its own for each channel, blind to that channel's newest sample, with the
    other channels' newest in sight: what it cannot see it cannot copy, so a fault stays
    visible in the residual.
    """
    inputs = keras.Input((windowing.width,), name="window")
    noisy = keras.layers.GaussianNoise(INPUT_NOISE, seed=0)(inputs)
    means, deviations = [], []
    for c in range(len(windowing.channels)):
        sight = np.ones(windowing.width, np.float32)
        sight[windowing.present(c)] = 0.0
        seen = noisy * sight
        hidden = keras.layers.Dense(16, activation="tanh")(seen)
        hidden = keras.layers.Dense(8, activation="tanh")(hidden)
        straight = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(seen)
        means.append(keras.layers.Add()([keras.layers.Dense(1)(hidden), straight]))
        deviations.append(keras.layers.Dense(1, activation="tanh")(hidden))
    mean = keras.layers.Concatenate()(means) if len(means) > 1 else means[0]
    bounded = keras.layers.Concatenate()(deviations) if len(deviations) > 1 else deviations[0]
    log_deviation = bounded * LOG_DEVIATION_REACH + LOG_DEVIATION_CENTRE
    return keras.Model(inputs, keras.layers.Concatenate(name="answer")([mean, log_deviation]), name="masked")


ARCHITECTURES: dict[str, Callable[[Windowing], Any]] = {"masked": masked}
