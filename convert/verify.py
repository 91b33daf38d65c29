"""Is the exported file the model that was trained? Compared in the edge's own interpreter."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.flatbuffer import answer_step
from edge.detection.budget import MOST_BUDGET
from edge.detection.detector_settings import DetectorSettings
from edge.detection.replay import judge
from edge.detection.scorer import Answers
from edge.detection.window import Inputs
from edge.detection.windowing import Windowing
from edge.errors import BundleError
from edge.recording import Recording

GOLDEN_WINDOWS = 12
# Answers are in steps of the channel and in logarithms of deviations; alarms begin at several
# deviations, so that a ten-thousandth is far below anything that could decide one. Other
# processors sum in another order and differ by about a millionth.
TOLERANCE = 1e-4
# A last bit that falls otherwise makes an 8-bit number on the way another one: over windows nudged
# by a millionth an answer moved by 0.023 at most, and two such at once are rare.
ROUNDED_TOLERANCE = 0.1
# Answers in whole steps: the plain, the reference and the XNNPACK kernels are up to three apart.
STEPS = 4
# Of an answer's standard deviation over the history; int8, the coarsest, was off by a fifth. What
# hardly varies may be off by a twentieth of a step.
MOST_AWAY, LEAST_SPREAD = 0.5, 0.1
# How far back flags are compared: a week at a reading in ten seconds.
MOST_JUDGED = 60_480
# One per cent of a week is a hundred minutes of alarm: as long as six of the hundred alarms that
# the comparison asks for last.
MOST_OTHERWISE = 0.01


def tolerance(form: str, model: bytes) -> float:
    """How far a file of that format may be from its own answers in another runtime or processor."""
    step = answer_step(model)
    if step is not None:
        return STEPS * step
    return ROUNDED_TOLERANCE if form == "dynamic-range" else TOLERANCE


def golden(network: Answers, inputs: Inputs, allowed: float = TOLERANCE) -> dict[str, Any]:
    """Some windows of the history, evenly spread over it, with the file's own answers."""
    chosen = golden_inputs(inputs)
    answers = network.answer(chosen)
    # float32 in decimal and back is exact with nine digits
    return {
        "inputs": [[float(f"{x:.9g}") for x in row] for row in chosen.tolist()],
        "answers": [[float(f"{x:.9g}") for x in row] for row in answers.tolist()],
        "tolerance": allowed,
    }


def golden_inputs(inputs: Inputs) -> Inputs:
    """GOLDEN_WINDOWS of the windows (n, width), evenly spread."""
    rows = np.unique(np.linspace(0, len(inputs) - 1, GOLDEN_WINDOWS).astype(int))
    return np.take(inputs, rows, axis=0)


def compare(exported: Answers, trained: Answers, inputs: Inputs, allowed: float = TOLERANCE) -> float:
    """The largest difference of the answers to inputs (n, width). Raises BundleError when it is too large."""
    ours, theirs = exported.answer(inputs), trained.answer(inputs)
    difference = np.max(np.abs(ours - theirs)) if len(inputs) else np.inf
    if not (np.isfinite(difference) and difference <= allowed):
        worst = int(np.argmax(np.max(np.nan_to_num(np.abs(ours - theirs), nan=np.inf), axis=1)))
        raise BundleError(
            f"the exported model answers otherwise than the trained one: difference {difference:g} "
            f"at window {worst} of {len(inputs)}, {allowed:g} is allowed; no bundle was written"
        )
    return float(difference)


def compare_rounded(form: str, exported: Answers, trained: Answers, inputs: Inputs) -> float:
    """The largest difference of a quantised file's answers to inputs (n, width).

    Raises BundleError when one of the answers is on average off by more than MOST_AWAY of its own spread:
    on a calm history even a model that tells nothing flags what the trained one does.
    """
    ours, theirs = exported.answer(inputs), trained.answer(inputs)
    away, spread = np.mean(np.abs(ours - theirs), axis=0), np.std(theirs, axis=0) + LEAST_SPREAD
    worst = int(np.argmax(np.nan_to_num(away / spread, nan=np.inf)))
    if not away[worst] <= MOST_AWAY * spread[worst]:
        raise BundleError(
            f"the {form} export answers otherwise than the trained model: answer {worst} of {len(away)} "
            f"is off by {away[worst]:.2g} on average and varies by {spread[worst]:.2g} itself, "
            f"{MOST_AWAY:.0%} of that is allowed; export --format float32; no bundle was written"
        )
    return float(np.max(np.abs(ours - theirs)))


@dataclass(frozen=True, slots=True, eq=False)
class Flags:
    """What a model says of a stretch of n readings, at the levels of MOST_BUDGET alarms a week."""

    flagged: NDArray[np.bool_]  # n
    alarms: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the flags of the exported file are those of the trained model."""

    readings: int
    otherwise: int  # flagged by one of the two alone
    alarms: int
    trained_alarms: int

    @property
    def share(self) -> float:
        """Of the readings, those that have the same flag."""
        return 1.0 - self.otherwise / self.readings

    @property
    def holds(self) -> bool:
        """Whether the file may stand for the model."""
        return self.otherwise <= MOST_OTHERWISE * self.readings


def flags(history: Recording, network: Answers, windowing: Windowing, settings: DetectorSettings) -> Flags:
    """The flags on the last MOST_JUDGED readings.

    A history is mostly calm: at one alarm a week there would be nothing to compare, so that the
    largest budget is asked for.
    """
    recent = history.between(max(0, len(history) - MOST_JUDGED), len(history))
    judgement = judge(recent, network, windowing, settings.for_budget(MOST_BUDGET))
    return Flags(judgement.alarm, int(judgement.event_numbers().max()))


def agree(exported: Flags, trained: Flags) -> Agreement:
    """Reading by reading."""
    otherwise = int(np.count_nonzero(exported.flagged != trained.flagged))
    return Agreement(len(exported.flagged), otherwise, exported.alarms, trained.alarms)


def demand_agreement(form: str, agreement: Agreement) -> None:
    """Raises BundleError when the flags of the file are too often others than the trained model's."""
    if agreement.holds:
        return
    raise BundleError(
        f"the {form} export judges otherwise than the trained model: {agreement.otherwise} of "
        f"{agreement.readings} readings are flagged by one of the two alone, {MOST_OTHERWISE:.0%} is allowed "
        f"(alarms {agreement.alarms} against {agreement.trained_alarms}, at {MOST_BUDGET:g} a week); "
        "export --format float32; no bundle was written"
    )
