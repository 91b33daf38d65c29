"""The two small networks inside a model, and which of a window's inputs each of them sees.

Both are made so that one set of weights serves every room: their inputs are in units of the
room's own scales, and what a room does not have (humidity, a second view) is zero.
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edge.detection.habits import LEVELS
from edge.detection.windowing import ROOM_INPUTS, TRACE_EXTRAS, VAPOUR, Windowing
from edge.reading import HUMIDITY, TEMPERATURE

Columns = NDArray[np.int64]

# The deviation stays between e^-2.5 and e^3 steps: no reading is certain, none unlimited.
LOG_DEVIATION_CENTRE, LOG_DEVIATION_REACH = 0.25, 2.75
TRACE_WIDTH = 2 * LEVELS + TRACE_EXTRAS
# own levels and volatility; the partner's present, levels and volatility; partner or not, which channel
EXPECTATION_INPUTS = LEVELS + (LEVELS + 1) + 3
SHAPE_INPUTS = 3 * TRACE_WIDTH + ROOM_INPUTS
PARTNERS = {TEMPERATURE.name: HUMIDITY.name, HUMIDITY.name: TEMPERATURE.name}


def expectation(convolutional: bool = False) -> Any:
    """(n, 24) what stands around a channel's newest block -> (n, 2) its mean and log deviation."""
    seen = keras.Input((EXPECTATION_INPUTS,), name="around")
    hidden = _along_levels(seen) if convolutional else keras.layers.Dense(16, activation="tanh")(seen)
    hidden = keras.layers.Dense(8, activation="tanh")(hidden)
    straight = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(seen)
    mean = keras.layers.Add()([keras.layers.Dense(1)(hidden), straight])
    bounded = keras.layers.Dense(1, activation="tanh")(hidden)
    deviation = bounded * LOG_DEVIATION_REACH + LOG_DEVIATION_CENTRE
    return keras.Model(seen, keras.layers.Concatenate()([mean, deviation]), name="expectation")


def _along_levels(seen: Any) -> Any:
    """Convolutions along the levels, own and partner's side by side."""
    own, partner = seen[:, : LEVELS - 1], seen[:, LEVELS + 1 : 2 * LEVELS]
    levels = keras.ops.stack([own, partner], axis=2)
    rest = [seen[:, LEVELS - 1 : LEVELS + 1], seen[:, 2 * LEVELS :]]
    for filters in (8, 8):
        levels = keras.layers.Conv1D(filters, 3, padding="same", activation="tanh")(levels)
    return keras.layers.Concatenate()([keras.layers.Flatten()(levels), *rest])


def recogniser(shapes: int) -> Any:
    """(n, 72) how far up to three traces are from each level of their past -> (n, shapes) log odds."""
    seen = keras.Input((SHAPE_INPUTS,), name="away")
    hidden = seen
    for units in (48, 24):
        hidden = keras.layers.Dense(units, activation="tanh")(hidden)
    return keras.Model(seen, keras.layers.Dense(shapes)(hidden), name="recogniser")


def around(windowing: Windowing, view: int, channel: int) -> Columns:
    """(24,) columns of a padded window that a channel's expectation sees; its newest block is not there."""
    nothing, one = windowing.width, windowing.width + 1
    own = windowing.inputs_of(view, channel)
    name = windowing.channels[channel]
    partner = PARTNERS.get(name)
    beside = [nothing] * (LEVELS + 1)
    if partner in windowing.channels:
        place = windowing.inputs_of(view, windowing.channels.index(partner))
        beside = list(range(place.start, place.stop))
    flags = (partner in windowing.channels, name == TEMPERATURE.name, name == HUMIDITY.name)
    return np.array([*range(own.start + 1, own.stop), *beside, *(one if flag else nothing for flag in flags)])


def away(windowing: Windowing) -> list[Columns]:
    """Each (72,): columns of a padded window for the recogniser, which is asked once for each of them.

    Temperature, humidity and vapour are seen together; any other channel alone, in the first place.
    """
    nothing = windowing.width
    room = list(range(windowing.width - ROOM_INPUTS, windowing.width))
    together = [n for n in (TEMPERATURE.name, HUMIDITY.name, VAPOUR) if VAPOUR in windowing.traces]
    alone = [[name] for name in windowing.channels if name not in together]
    groups = []
    for group in ([together] if together else []) + alone:
        columns: list[int] = []
        for place in range(3):
            if place < len(group):
                inputs = windowing.trace_inputs(windowing.traces.index(group[place]))
                columns += range(inputs.start, inputs.stop)
            else:
                columns += [nothing] * TRACE_WIDTH
        groups.append(np.array([*columns, room[0] if len(group) > 1 else nothing, *room[1:]]))
    return groups


def padded(seen: Any) -> Any:
    """(n, width) -> (n, width + 2): a column of zeros and one of ones for what a room does not have."""
    nothing = keras.ops.zeros_like(seen[:, :1])
    return keras.ops.concatenate([seen, nothing, nothing + 1.0], axis=1)


def take(inputs: NDArray[np.float32], columns: Columns) -> NDArray[np.float32]:
    """The same columns of plain windows (n, width): (n, len(columns))."""
    n = len(inputs)
    wide = np.concatenate([inputs, np.zeros((n, 1), np.float32), np.ones((n, 1), np.float32)], axis=1)
    return np.asarray(wide[:, columns])
