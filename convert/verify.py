"""Is the exported file the model that was trained? Compared in the edge's own interpreter."""

from typing import Any

import numpy as np

from edge.errors import BundleError
from edge.scorer import Answers
from edge.window import Inputs

GOLDEN_WINDOWS = 12
# Answers are in steps of the channel and in logarithms of deviations; alarms begin at several
# deviations, so that a ten-thousandth is far below anything that could decide one. Other
# processors sum in another order and differ by about a millionth.
TOLERANCE = 1e-4


def golden(network: Answers, inputs: Inputs) -> dict[str, Any]:
    """Some windows of the history, evenly spread over it, with the file's own answers."""
    rows = np.unique(np.linspace(0, len(inputs) - 1, GOLDEN_WINDOWS).astype(int))
    chosen = inputs[rows]
    answers = network.answer(chosen)
    # float32 in decimal and back is exact with nine digits
    return {
        "inputs": [[float(f"{x:.9g}") for x in row] for row in chosen.tolist()],
        "answers": [[float(f"{x:.9g}") for x in row] for row in answers.tolist()],
        "tolerance": TOLERANCE,
    }


def compare(exported: Answers, trained: Answers, inputs: Inputs) -> float:
    """The largest difference of the answers to inputs (n, width). Raises BundleError when it is too large."""
    ours, theirs = exported.answer(inputs), trained.answer(inputs)
    difference = np.max(np.abs(ours - theirs)) if len(inputs) else np.inf
    if not difference <= TOLERANCE:
        worst = int(np.argmax(np.max(np.nan_to_num(np.abs(ours - theirs), nan=np.inf), axis=1)))
        raise BundleError(
            f"the exported model answers otherwise than the trained one: difference {difference:g} "
            f"at window {worst} of {len(inputs)}, {TOLERANCE:g} is allowed; no bundle was written"
        )
    return float(difference)
