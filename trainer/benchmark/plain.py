"""The plain design: what most autoencoders for sensors do, and what picanary must be better than."""

import numpy as np

from trainer.benchmark.baselines import WINDOW, Floats, filled, windows
from trainer.benchmark.detection import Result, Task
from trainer.benchmark.nab import onsets
from trainer.quiet import start_tensorflow

QUANTILE = 0.95
EPOCHS = 20
BATCH = 64
HIDDEN = (32, 8, 32)


def plain_autoencoder(task: Task) -> Result:
    """Squared error of a dense autoencoder on min-max windows; alarm above 95 % of the training errors."""
    history, values = filled(task)
    low = history.min(axis=0)
    width = np.ptp(history, axis=0)
    every = windows((values - low) / np.where(width > 0, width, 1.0)).astype(np.float32)
    known = every[min(WINDOW - 1, len(history) - 1) : len(history)]
    error = _errors(known, every)
    past, now = error[len(history) - len(known) : len(history)], error[len(history) :]
    begins = onsets(error, 2 * len(history))[len(history) :]
    return Result(now, now > float(np.quantile(past, QUANTILE)), onset=begins)


def _errors(known: np.ndarray, every: np.ndarray) -> Floats:
    """Mean squared error (n,) of windows (n, width), by an autoencoder trained on the known ones."""
    start_tensorflow()
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    width = every.shape[1]
    hidden = [keras.layers.Dense(size, activation="relu") for size in HIDDEN]
    model = keras.Sequential([keras.Input((width,)), *hidden, keras.layers.Dense(width)])
    model.compile("adam", loss="mse")
    model.fit(known, known, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    answer = np.asarray(model.predict(every, batch_size=8192, verbose=0), np.float64)
    error: Floats = ((every - answer) ** 2).mean(axis=1)
    return error
