"""Both networks from examples of many lives."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from edge.detection.signals import SHAPES
from edge.detection.window import Inputs
from trainer.draws import draws
from trainer.losses import known_log_loss, surprise_loss
from trainer.networks import expectation, recogniser
from trainer.pretraining.examples import Examples

BATCH = 2048
LEARNING_RATE = 4e-3
INPUT_NOISE = 0.05
LEAST_DEVIATION, MOST_MEASURED = 0.1, 200_000
ROUND_STEPS = 100
# Of the two networks: enough for the losses to lie flat.
EXPECTATION_ROUNDS, SHAPE_ROUNDS = 40, 60
Weights = dict[str, list[np.ndarray]]


def fit_networks(
    shown: Examples, seed: int, convolutional: bool, on_round: Callable[[], None] = lambda: None
) -> Weights:
    """{network: its weights}. Deterministic by seed."""
    keras.utils.set_random_seed(seed)
    predict, recognise = expectation(convolutional), recogniser(len(SHAPES))
    mean, deviation = _usual(shown.away)
    _fit(predict, shown.around, shown.newest[:, None], surprise_loss(1, 1), EXPECTATION_ROUNDS, on_round)
    scaled = np.asarray((shown.away - mean) / deviation, np.float32)
    _fit(recognise, scaled, shown.shapes, known_log_loss, SHAPE_ROUNDS, on_round)
    return {
        predict.name: predict.get_weights(),
        recognise.name: _folded(recognise.get_weights(), mean, deviation),
    }


def _usual(inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (width,) of each input; one that hardly ever differs stays small when it does."""
    some = inputs[:: 1 + len(inputs) // MOST_MEASURED]
    return some.mean(axis=0), some.std(axis=0) + LEAST_DEVIATION


def _folded(weights: list[np.ndarray], mean: np.ndarray, deviation: np.ndarray) -> list[np.ndarray]:
    """The weights of the same network for inputs as they come, not brought to mean 0 and deviation 1."""
    first = weights[0] / deviation[:, None]
    return [first, weights[1] - mean @ first, *weights[2:]]


def _fit(
    network: Any, inputs: Inputs, answers: Inputs, loss: Any, rounds: int, on_round: Callable[[], None]
) -> None:
    noisy = keras.Sequential([keras.layers.GaussianNoise(INPUT_NOISE, seed=0), network])
    pace = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, rounds * ROUND_STEPS)
    noisy.compile(keras.optimizers.Adam(pace), loss=loss)
    noisy.fit(
        draws(inputs, answers, BATCH, rounds * ROUND_STEPS, seed=1),
        epochs=rounds,
        steps_per_epoch=ROUND_STEPS,
        verbose=0,
        shuffle=False,  # the batches are drawn at random already
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: on_round())],
    )
