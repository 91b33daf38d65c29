"""A run to a bundle: exported, compared, calibrated on the exported file, packed and proven."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert import verify
from convert.runtimes import OLD, demand_old
from convert.tflite import FORMATS
from edge import __version__
from edge.bundle import bundle, proof
from edge.detection.calibration import calibrate
from edge.detection.habits import elapsed, plausible
from edge.detection.network import Network
from edge.detection.scorer import Answers
from edge.detection.window import Inputs, batches
from trainer.outcomes import Tried, try_labels
from trainer.quiet import quiet
from trainer.run import Run

MOST_COMPARED = 20_000


@dataclass(frozen=True, slots=True)
class Order:
    """What to make of a run, and where to leave it."""

    out: Path
    form: str  # one of FORMATS
    version: int
    false_alarms_per_week: float
    runtime: str  # that the bundle is for
    runtime_python: str | None  # an interpreter that has tflite-runtime, to try it for real
    key: Any = None  # Ed25519PrivateKey that signs, or None
    settles: bool = False  # whether a device learns its own room's scales


@dataclass(frozen=True, slots=True)
class Converted:
    """What came of it."""

    bundle: bundle.Bundle
    difference: float  # largest, from Keras
    windows: int  # compared
    agreement: verify.Agreement | None  # of the flags; None for float32, which is held to the answers
    tried: Tried | None  # the alarms that people spoke of, with this file; None where nobody did


def windows_of(run: Run) -> Inputs:
    """Windows of the training history, at most MOST_COMPARED of them, spread over it."""
    values = plausible(run.history)
    seconds = elapsed(run.history.ts_ms, values)
    inputs = np.concatenate(
        [batch.windows.inputs for batch in batches(run.habits.windowing, values, seconds)]
    )
    return inputs[:: max(1, len(inputs) // MOST_COMPARED)]


def export(run: Run, form: str, inputs: Inputs) -> tuple[bytes, Network]:
    """The model as a TFLite file of that format, and in the edge's interpreter. Raises BundleError."""
    with quiet():
        model = FORMATS[form](run.model, inputs)
    return model, Network(model, run.habits.windowing.width, run.habits.windowing.outputs)


def difference(form: str, network: Answers, trained: Answers, inputs: Inputs) -> float:
    """The largest difference from the trained model. Raises BundleError when the file is another model."""
    if form == "float32":
        return verify.compare(network, trained, inputs)
    return verify.compare_rounded(form, network, trained, inputs)


def convert(run: Run, order: Order) -> Converted:
    """Make the bundle. Raises BundleError, with numbers, when the file is not the model."""
    from trainer.fit import KerasNetwork  # TensorFlow: seconds to import

    windowing, trained = run.habits.windowing, KerasNetwork(run.model)
    inputs = windows_of(run)
    model, network = export(run, order.form, inputs)
    if order.runtime == OLD:
        few = verify.golden_inputs(inputs)
        demand_old(order.form, model, order.runtime_python, few, windowing.outputs)
    away = difference(order.form, network, trained, inputs)
    settings = calibrate(run.history, run.habits, network, order.false_alarms_per_week, run.fleet)
    agreement = None
    if order.form != "float32":
        theirs = calibrate(run.history, run.habits, trained, order.false_alarms_per_week, run.fleet)
        agreement = verify.agree(
            verify.flags(run.history, network, windowing, settings),
            verify.flags(run.history, trained, windowing, theirs),
        )
        verify.demand_agreement(order.form, agreement)
    tried = None
    if run.feedback is not None:
        tried = try_labels(run.feedback, settings, network, windowing)
        settings = tried.heeded.settings
    made = bundle.Bundle(
        name=run.settings["name"],
        version=order.version,
        windowing=windowing,
        detector=settings,
        model=model,
        golden=verify.golden(network, inputs, verify.tolerance(order.form, model)),
        about=_about(run, order),
    )
    saved = bundle.save(made, order.out, key=order.key, check=proof.check)
    return Converted(saved, away, len(inputs), agreement, tried)


def _about(run: Run, order: Order) -> dict[str, Any]:
    ts_ms = run.history.ts_ms
    return {
        "false_alarms_per_week": order.false_alarms_per_week,
        "training": {
            "rows": len(ts_ms),
            "from_ms": int(ts_ms[0]),
            "to_ms": int(ts_ms[-1]),
            "data_sha256": run.settings["data"]["sha256"],
            "architecture": run.settings["architecture"],
            "seed": run.settings["seed"],
        },
        "versions": run.settings["versions"],
        "oldest_edge": __version__,
        "format": order.form,
        **({"settles": True} if order.settles else {}),
    }
