"""A history to a trained network: the linear story."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edge.calibration import Habits, elapsed, plausible
from edge.recording import Recording
from edge.window import Inputs, Windowing, batches
from trainer.architectures import ARCHITECTURES

# Past this many deviations an error counts linearly: a history holds faults.
HUBER_DEVIATIONS = 2.0
SHORTENED_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to train."""

    architecture: str = "masked"
    seed: int = 0
    epochs: int = 20
    steps_per_epoch: int = 150
    batch: int = 256
    learning_rate: float = 5e-3
    validation_share: float = 0.2  # the last part of the history, in time order


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained network and how its loss fell, epoch by epoch."""

    model: Any  # keras.Model
    training_loss: list[float]
    validation_loss: list[float]


class KerasNetwork:
    """A Keras model where the edge's scorer wants an interpreter."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def answer(self, inputs: Inputs) -> Inputs:
        """Answers (n, 2 C) to inputs (n, width)."""
        return np.asarray(self._model.predict(inputs, batch_size=8192, verbose=0), np.float32)


def fit(
    history: Recording, habits: Habits, settings: FitSettings, on_epoch: Callable[[float], None]
) -> Fitted:
    """Train on the first part of the history, validate on the last; `on_epoch` gets each validation loss."""
    keras.utils.set_random_seed(settings.seed)
    windowing = habits.windowing
    values = plausible(history)
    parts = [batch.inputs for batch in batches(windowing, values, elapsed(history.ts_ms, values))]
    inputs = np.concatenate(parts)
    cut = int(len(inputs) * (1 - settings.validation_share))
    training = shorten(inputs[:cut], windowing, np.random.default_rng(settings.seed))
    model = ARCHITECTURES[settings.architecture](windowing)
    steps = settings.epochs * settings.steps_per_epoch
    pace = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    model.compile(keras.optimizers.Adam(pace), loss=surprise_loss(len(windowing.channels)))
    past = model.fit(
        _shuffled(training, windowing, settings),
        epochs=settings.epochs,
        steps_per_epoch=settings.steps_per_epoch,
        validation_data=(inputs[cut:], targets(inputs[cut:], windowing)),
        validation_batch_size=8192,
        verbose=0,
        shuffle=False,  # the batches are drawn at random already
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: on_epoch(logs["val_loss"]))],
    ).history
    return Fitted(model, [float(x) for x in past["loss"]], [float(x) for x in past["val_loss"]])


def targets(inputs: Inputs, windowing: Windowing) -> NDArray[np.float32]:
    """(n, C) each channel's newest sample, which the network must tell without seeing it."""
    return inputs[:, [windowing.present(c) for c in range(len(windowing.channels))]]


def shorten(inputs: Inputs, windowing: Windowing, rng: np.random.Generator) -> Inputs:
    """A part of the windows as they look soon after a start, when the long past is not there.

    Levels that have no sample yet repeat the last one that has (`edge/window.py`).
    """
    shortened = inputs.copy()
    short = np.flatnonzero(rng.random(len(inputs)) < SHORTENED_SHARE)
    last = rng.integers(4, windowing.levels, len(short)) if windowing.levels > 4 else np.full(len(short), 3)
    for c, spread in enumerate(windowing.spread):
        first = windowing.present(c) + 1  # level 2
        for level in range(5, windowing.levels + 1):
            rows, source = short[last < level], last[last < level] - 2
            ratio = np.asarray(spread)[source] / spread[level - 2]
            shortened[rows, first + level - 2] = inputs[rows, first + source] * ratio
    return shortened


def surprise_loss(channels: int) -> Callable[[Any, Any], Any]:
    """Huber of the error in deviations, plus the log deviation: a robust Gaussian likelihood."""

    def loss(target: Any, answer: Any) -> Any:
        mean, log_deviation = answer[:, :channels], answer[:, channels:]
        distance = keras.ops.abs(target - mean) * keras.ops.exp(-log_deviation)
        near = keras.ops.minimum(distance, HUBER_DEVIATIONS)
        huber = 0.5 * near * near + HUBER_DEVIATIONS * (distance - near)
        return keras.ops.mean(huber + log_deviation)

    return loss


def _shuffled(inputs: Inputs, windowing: Windowing, settings: FitSettings) -> Any:
    import tensorflow as tf  # keras's own backend; only its data pipeline is needed here

    rng = np.random.default_rng(settings.seed + 1)
    batches_in_all = settings.epochs * settings.steps_per_epoch
    rows = rng.integers(0, len(inputs), (batches_in_all, settings.batch))
    every, target = tf.constant(inputs), tf.constant(targets(inputs, windowing))
    return tf.data.Dataset.from_tensor_slices(rows).map(
        lambda chosen: (tf.gather(every, chosen), tf.gather(target, chosen))
    )
