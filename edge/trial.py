"""A bundle proves itself before it is trusted: its golden windows, scored in a child process.

`python -m edge.trial BUNDLE` is the child: it can crash or hang, and takes nothing with it.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from edge.bundle import Bundle, load
from edge.errors import BundleError, PicanaryError

DEADLINE_S = 10.0


def compare(bundle: Bundle) -> float:
    """The largest difference between the golden answers and this machine's. Raises BundleError."""
    try:
        inputs = np.asarray(bundle.golden["inputs"], np.float32)
        golden = np.asarray(bundle.golden["answers"], np.float64)
        tolerance = float(bundle.golden["tolerance"])
        answers = bundle.network().answer(inputs)
        difference = float(np.max(np.abs(answers - golden)))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BundleError(f"its golden windows cannot be used: {error}") from error
    if not difference <= tolerance:
        raise BundleError(
            f"it answers its golden windows with a difference of {difference:g}, {tolerance:g} is allowed"
        )
    return difference


def check(path: Path, deadline_s: float = DEADLINE_S) -> None:
    """Score the golden windows of a bundle in a child process. Raises BundleError."""
    command = [sys.executable, "-m", "edge.trial", str(path)]
    # one thread: the model is tiny, and the Pi has readings to take meanwhile
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, timeout=deadline_s, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"{path}: the model hung for {deadline_s:g} s in its trial") from error
    if child.returncode < 0:
        raise BundleError(f"{path}: the model crashed in its trial (signal {-child.returncode})")
    if child.returncode:
        lines = child.stderr.strip().splitlines()
        raise BundleError(lines[-1] if lines else f"{path}: the trial failed with status {child.returncode}")


def main(arguments: list[str]) -> int:
    """The child: 0 when the bundle answers as it should."""
    path = Path(arguments[0])
    try:
        compare(load(path))
    except PicanaryError as error:
        sentence = str(error)
        print(sentence if sentence.startswith(str(path)) else f"{path}: {sentence}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
