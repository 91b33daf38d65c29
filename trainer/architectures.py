"""Networks to choose from; each takes the windowing and gives an untrained Keras model.

To add one: a function here and a line in ARCHITECTURES. Whatever is inside, a model takes
inputs (n, width) and answers (n, views * 2 C): in each view for each channel the mean of (newest
- previous block) in steps, then for each channel the logarithm of the standard deviation.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from edge.window import Inputs
from edge.windowing import Windowing

# The deviation stays between e^-2.5 and e^3 steps: no reading is certain, none unlimited.
LOG_DEVIATION_CENTRE, LOG_DEVIATION_REACH = 0.25, 2.75
INPUT_NOISE = 0.05


def masked(windowing: Windowing) -> Any:
    """A masked autoencoder: each channel's newest block from all else, and how sure that is.

    A network of its own for each view and channel, blind to that channel's newest block, with
    the other channels' newest in sight: what it cannot see it cannot copy, so a fault stays
    visible in the residual. It sees its own view alone, as another would give the block away.
    """
    inputs = keras.Input((windowing.width,), name="window")
    noisy = keras.layers.GaussianNoise(INPUT_NOISE, seed=0)(inputs)
    answers: list[Any] = []
    for v in range(len(windowing.views)):
        heads = [_head(noisy * _sight(windowing, v, c)) for c in range(len(windowing.channels))]
        answers += [mean for mean, _ in heads] + [log_deviation for _, log_deviation in heads]
    return keras.Model(inputs, keras.layers.Concatenate(name="answer")(answers), name="masked")


def _sight(windowing: Windowing, view: int, channel: int) -> Inputs:
    """(width,) 1 for what a channel's network may see: its view, but not its own newest block."""
    sight = np.zeros(windowing.width, np.float32)
    for other in range(len(windowing.channels)):
        sight[windowing.inputs_of(view, other)] = 1.0
    sight[windowing.inputs_of(view, channel).start] = 0.0
    return sight


def _head(seen: Any) -> tuple[Any, Any]:
    """(mean, log deviation) of one channel, each (n, 1)."""
    hidden = keras.layers.Dense(16, activation="tanh")(seen)
    hidden = keras.layers.Dense(8, activation="tanh")(hidden)
    straight = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(seen)
    mean = keras.layers.Add()([keras.layers.Dense(1)(hidden), straight])
    bounded = keras.layers.Dense(1, activation="tanh")(hidden)
    return mean, bounded * LOG_DEVIATION_REACH + LOG_DEVIATION_CENTRE


ARCHITECTURES: dict[str, Callable[[Windowing], Any]] = {"masked": masked}
