"""A TFLite file tried in an interpreter of its own: `python -m convert.probe`, which `runtimes` starts.

It reads an npz from stdin (model, inputs, outputs) and writes JSON to stdout. It runs where nothing
but numpy and one runtime is installed, with a fresh process for each file, so that no file's
timing carries another's caches.
"""

import io
import json
import sys
import time
from typing import Any

import numpy as np

from edge.detection.network import Network, runtime_version
from edge.detection.window import Inputs
from edge.errors import BundleError

LOADS, WINDOWS = 20, 3000


def _loads_ms(model: bytes, width: int, outputs: int) -> list[float]:
    taken = []
    for _ in range(LOADS):
        start = time.perf_counter()
        Network(model, width, outputs)
        taken.append(1e3 * (time.perf_counter() - start))
    return taken


def _windows_us(network: Network, inputs: Inputs) -> list[float]:
    """Microseconds of one window at a time, as the edge asks."""
    taken = []
    for number in range(WINDOWS):
        row = number % len(inputs)
        start = time.perf_counter()
        network.answer(inputs[row : row + 1])
        taken.append(1e6 * (time.perf_counter() - start))
    return taken


def probe(model: bytes, inputs: Inputs, outputs: int) -> dict[str, Any]:
    """What the runtime here makes of it: refused with a sentence, or answers (n, outputs) and times."""
    try:
        network = Network(model, inputs.shape[1], outputs)
        answers = network.answer(inputs)
    except BundleError as error:
        return {"runtime": runtime_version(), "refused": str(error).splitlines()[0]}
    return {
        "runtime": runtime_version(),
        "refused": None,
        "answers": answers.tolist(),
        "load_ms": float(np.median(_loads_ms(model, inputs.shape[1], outputs))),
        "window_us": np.quantile(_windows_us(network, inputs), [0.5, 0.99]).tolist(),
    }


def main() -> int:
    """One file."""
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as order:
        model, inputs, outputs = order["model"].tobytes(), order["inputs"], int(order["outputs"])
    json.dump(probe(model, inputs, outputs), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
