"""Networks to choose from; each takes the windowing and gives an untrained Keras model.

To add one: a function here, a line in ARCHITECTURES and its name in `trainer.order`. Whatever is
inside, a model takes inputs (n, width) and answers (n, outputs): in each view for each channel the
mean of (newest - previous block) in steps, then for each channel the logarithm of the standard
deviation; and after these for each shape that the windowing names the log odds that such an event
goes on.
"""

from collections.abc import Callable
from typing import Any

import keras

from edge.detection.windowing import Windowing
from trainer.networks import around, away, expectation, padded, recogniser

INPUT_NOISE = 0.05
BOTTLENECK = 8


def masked(windowing: Windowing) -> Any:
    """The default: a masked autoencoder, and beside it a network that knows shapes of events.

    Each channel's newest block is reconstructed from all else, with a deviation: blind to itself,
    with the other channel's newest in sight. What it cannot see it cannot copy, so a fault stays
    visible in the residual. One small network serves all views and channels.
    """
    inputs, noisy = _inputs(windowing)
    predict = expectation()
    return _model("masked", inputs, _expectations(windowing, noisy, predict), _shapes(windowing, noisy))


def conv(windowing: Windowing) -> Any:
    """The same, with convolutions along the levels of the pyramid in place of dense layers."""
    inputs, noisy = _inputs(windowing)
    predict = expectation(convolutional=True)
    return _model("conv", inputs, _expectations(windowing, noisy, predict), _shapes(windowing, noisy))


def dense(windowing: Windowing) -> Any:
    """The plain one, as the reference: a dense autoencoder that sees all that it reconstructs.

    Two layers down to eight numbers and two up again, and one deviation for each channel
    whatever the room does. It knows no shapes.
    """
    inputs, noisy = _inputs(windowing)
    seen = noisy[:, : windowing.expectation_width]
    for units in (32, BOTTLENECK, 32):
        seen = keras.layers.Dense(units, activation="tanh")(seen)
    count = len(windowing.channels)
    answers = []
    for _ in windowing.views:
        answers.append(keras.layers.Dense(count)(seen))
        answers.append(_constant(seen, count))
    return keras.Model(inputs, keras.layers.Concatenate(name="answer")(answers), name="dense")


def _constant(like: Any, count: int) -> Any:
    """`count` trainable numbers, the same for every window: (n, count)."""
    return keras.layers.Dense(count, kernel_initializer="zeros", kernel_constraint=_zero)(like)


@keras.saving.register_keras_serializable("picanary")  # type: ignore[untyped-decorator]
def _zero(kernel: Any) -> Any:
    return kernel * 0.0


def _inputs(windowing: Windowing) -> tuple[Any, Any]:
    inputs = keras.Input((windowing.width,), name="window")
    return inputs, padded(keras.layers.GaussianNoise(INPUT_NOISE, seed=0)(inputs))


def _expectations(windowing: Windowing, seen: Any, predict: Any) -> list[Any]:
    """For each view the means of all channels, then their log deviations."""
    answers: list[Any] = []
    for view in range(len(windowing.views)):
        sights = [around(windowing, view, c) for c in range(len(windowing.channels))]
        pairs = [predict(keras.ops.take(seen, sight, axis=1)) for sight in sights]
        answers += [pair[:, :1] for pair in pairs] + [pair[:, 1:] for pair in pairs]
    return answers


def _shapes(windowing: Windowing, seen: Any) -> list[Any]:
    """The log odds of each shape: the largest, where several channels are looked at one by one."""
    if not windowing.shapes:
        return []
    recognise = recogniser(len(windowing.shapes))
    odds = [recognise(keras.ops.take(seen, columns, axis=1)) for columns in away(windowing)]
    return [odds[0] if len(odds) == 1 else keras.layers.Maximum()(odds)]


def _model(name: str, inputs: Any, expectations: list[Any], shapes: list[Any]) -> Any:
    answer = keras.layers.Concatenate(name="answer")([*expectations, *shapes])
    return keras.Model(inputs, answer, name=name)


ARCHITECTURES: dict[str, Callable[[Windowing], Any]] = {"masked": masked, "conv": conv, "dense": dense}
