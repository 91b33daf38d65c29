"""A history to a trained network: the linear story."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from edge.detection.habits import Habits, elapsed, plausible
from edge.detection.window import Inputs, batches
from edge.detection.windowing import Windowing
from edge.recording import Recording
from trainer.architectures import ARCHITECTURES
from trainer.draws import draws
from trainer.losses import surprise_loss
from trainer.prior import Prior

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
        """Answers (n, outputs) to inputs (n, width)."""
        return np.asarray(self._model.predict(inputs, batch_size=8192, verbose=0), np.float32)


def fit(
    history: Recording,
    habits: Habits,
    settings: FitSettings,
    on_epoch: Callable[[float], None],
    prior: Prior | None = None,
) -> Fitted:
    """Train on the first part of the history, validate on the last; `on_epoch` gets each validation loss.

    With a prior it begins from its weights, and the recogniser of shapes stays as it is: one room's
    history has no events to learn from. No epochs at all leave the prior as it is.
    """
    keras.utils.set_random_seed(settings.seed)
    windowing = habits.windowing
    model = _begin(windowing, settings, prior)
    if not settings.epochs:
        return Fitted(model, [], [])
    values = plausible(history)
    parts = [batch.windows.inputs for batch in batches(windowing, values, elapsed(history.ts_ms, values))]
    inputs = np.concatenate(parts)
    cut = int(len(inputs) * (1 - settings.validation_share))
    training = shorten(inputs[:cut], windowing, np.random.default_rng(settings.seed))
    steps = settings.epochs * settings.steps_per_epoch
    pace = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    model.compile(
        keras.optimizers.Adam(pace), loss=surprise_loss(len(windowing.views), len(windowing.channels))
    )
    past = model.fit(
        draws(
            training,
            targets(training, windowing),
            settings.batch,
            steps,
            settings.seed + 1,
        ),
        epochs=settings.epochs,
        steps_per_epoch=settings.steps_per_epoch,
        validation_data=(inputs[cut:], targets(inputs[cut:], windowing)),
        validation_batch_size=8192,
        verbose=0,
        shuffle=False,  # the batches are drawn at random already
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: on_epoch(logs["val_loss"]))],
    ).history
    return Fitted(model, [float(x) for x in past["loss"]], [float(x) for x in past["val_loss"]])


def _begin(windowing: Windowing, settings: FitSettings, prior: Prior | None) -> Any:
    if prior is None:
        return ARCHITECTURES[settings.architecture](windowing)
    model = prior.model(windowing)
    if windowing.shapes:
        model.get_layer("recogniser").trainable = False
    return model


def targets(inputs: Inputs, windowing: Windowing) -> Inputs:
    """(n, views * C) each channel's newest block, which the network must tell without seeing it."""
    channels = range(len(windowing.channels))
    places = [windowing.inputs_of(v, c).start for v in range(len(windowing.views)) for c in channels]
    return np.take(inputs, places, axis=1)


def shorten(inputs: Inputs, windowing: Windowing, rng: np.random.Generator) -> Inputs:
    """A part of the windows as they look soon after a start, when the long past is not there.

    Levels that have no sample yet repeat the last one that has (`edge/detection/window.py`).
    """
    shortened = inputs.copy()
    short = np.flatnonzero(rng.random(len(inputs)) < SHORTENED_SHARE)
    for v, view in enumerate(windowing.views):
        last = rng.integers(2, view.levels + 1, len(short))  # the last level that has a sample
        for c, spread in enumerate(view.spread[: len(windowing.channels)]):
            first = windowing.inputs_of(v, c).start + 1  # level 2
            for level in range(3, view.levels + 1):
                rows, source = short[last < level], last[last < level] - 2
                ratio = np.asarray(spread)[source] / spread[level - 2]
                shortened[rows, first + level - 2] = inputs[rows, first + source] * ratio
    return shortened
