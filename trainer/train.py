"""One training from beginning to end: history, split, fit, evaluate, report."""

import platform
import sys
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edge import __version__
from edge.detection.calibration import calibrate, describe
from edge.detection.fleet import FLEET
from edge.detection.habits import Habits, learn_habits
from edge.detection.judgement import Judgement
from edge.detection.replay import judge
from edge.recording import Recording
from trainer import plots, run
from trainer.evaluate import Stretch, measure, ranking
from trainer.fit import FitSettings, Fitted, KerasNetwork, fit
from trainer.history import data_hash
from trainer.material import Material
from trainer.order import Order
from trainer.outcomes import Tried, try_labels
from trainer.prior import Prior
from trainer.report import CAPTIONS, write_report

LEARNING_RATE, FINE_TUNING_RATE = 5e-3, 1e-3
FALSE_ALARMS_PER_WEEK = 1.0
VERSIONS_OF = ("tensorflow", "keras", "numpy", "pandas", "scikit-learn", "matplotlib")


def train(
    order: Order, material: Material, prior: Prior | None, *, quiet: bool
) -> tuple[Path, dict[str, Any]]:
    """Train and leave a run folder; returns it with its measures. Raises PicanaryError."""
    say = print if not quiet else (lambda *_: None)
    history, stretch = material.history, material.stretch
    out = order.out or Path("runs") / material.name
    out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    habits = learn_habits(history)
    habits = replace(habits, windowing=habits.windowing.with_shapes(prior.shapes if prior else ()))
    fleet = prior.fleet if prior else FLEET
    settings = FitSettings(
        order.architecture,
        order.seed,
        order.epochs,
        learning_rate=FINE_TUNING_RATE if prior else LEARNING_RATE,
    )
    fitted = _fit(history, habits, settings, prior, quiet)
    say("setting the alarm levels, and judging the later part ...")
    network = KerasNetwork(fitted.model)
    detector = calibrate(history, habits, network, FALSE_ALARMS_PER_WEEK, fleet)
    judgement = judge(stretch.recording, network, habits.windowing, detector)
    told = {}
    if material.feedback is not None:
        say(f"living through {len(material.feedback.events)} labelled alarms again ...")
        unheeded, tried = judgement, try_labels(material.feedback, detector, network, habits.windowing)
        if tried.heeded.raised:
            detector = tried.heeded.settings
            judgement = judge(stretch.recording, network, habits.windowing, detector)
        told = {"labels": _told(tried, material, unheeded)}
    settled = _settings(material.name, order, settings, history, stretch)
    run.save(out, run.Run(settled, fitted.model, habits, history, fleet, material.feedback))
    metrics = {
        **measure(stretch.recording, judgement),
        "loss": {"train": fitted.training_loss, "validation": fitted.validation_loss},
        "evaluated_on": stretch.says,
        "calibration": describe(history.channels, detector),
        **told,
    }
    run.write_json(out / run.METRICS, metrics)
    _plot(out / "plots", fitted, stretch.recording, judgement, metrics)
    write_report(out)
    return out, metrics


def _told(tried: Tried, material: Material, unheeded: Judgement) -> dict[str, Any]:
    """What the labels changed, for metrics.json; `unheeded` is the later part at levels that heed none."""
    last_ms = int(material.history.ts_ms[-1])
    spans = [each.event.span for each in tried.outcomes if each.event.verdict == "false_alarm"]
    before = measure(material.stretch.recording, unheeded)
    return {
        **tried.to_json(),
        "learnt_from": sum(span is not None and span[0] <= last_ms for span in spans),
        "unheeded": {name: before[name] for name in ("events_found", "false_alarms_per_week")},
    }


def _fit(
    history: Recording, habits: Habits, settings: FitSettings, prior: Prior | None, quiet: bool
) -> Fitted:
    still = quiet or not settings.epochs
    with tqdm(total=settings.epochs, desc="training", unit="epoch", disable=still, file=sys.stderr) as bar:

        def on_epoch(loss: float) -> None:
            bar.set_postfix(loss=f"{loss:.3f}")
            bar.update()

        return fit(history, habits, settings, on_epoch, prior)


def _settings(
    name: str, order: Order, settings: FitSettings, history: Recording, stretch: Stretch
) -> dict[str, Any]:
    return {
        "name": name,
        "seed": order.seed,
        "architecture": order.architecture,
        "prior": order.prior if order.prior in ("none", "shipped") else Path(order.prior).name,
        "data": {
            "found": list(history.found),
            "sha256": data_hash(history),
            "source": order.data.name if order.data else "simulator",
        },
        "training": asdict(settings),
        "split": {
            "train": _span(history),
            "evaluate": _span(stretch.recording),
            "rule": "by time, the earlier part to train on; never shuffled",
        },
        "versions": {
            "picanary": __version__,
            "python": platform.python_version(),
            **{package: version(package) for package in VERSIONS_OF},
        },
    }


def _span(recording: Recording) -> dict[str, Any]:
    first, last = (
        np.datetime64(int(t), "ms").astype("datetime64[s]").item() for t in recording.ts_ms[[0, -1]]
    )
    return {"rows": len(recording), "from": f"{first:%Y-%m-%d %H:%M:%S}", "to": f"{last:%Y-%m-%d %H:%M:%S}"}


def _plot(
    folder: Path, fitted: Fitted, stretch: Recording, judgement: Judgement, metrics: dict[str, Any]
) -> None:
    """The pictures of the report, at most five; those of an earlier run in the same folder go."""
    folder.mkdir(exist_ok=True)
    labels = np.zeros(len(stretch), bool) if stretch.labels is None else stretch.labels
    pictures = {
        "series": plots.series_with_anomalies(
            stretch.ts_ms,
            stretch.values,
            stretch.channels,
            judgement.expected,
            judgement.spread,
            judgement.alarm,
            labels,
            stretch.kinds,
        ),
        "error": plots.error_with_threshold(stretch.ts_ms, judgement.score, labels),
        "histogram": plots.error_histogram(judgement.score[~labels], judgement.score[labels]),
    }
    if fitted.training_loss:  # none with --epochs 0
        pictures["loss"] = plots.loss_curve(fitted.training_loss, fitted.validation_loss)
    if labels.any():
        at = (metrics["precision"], metrics["recall"])
        pictures["precision_recall"] = plots.precision_recall(ranking(judgement), labels, at)
    for name in CAPTIONS.keys() - pictures.keys():
        (folder / f"{name}.png").unlink(missing_ok=True)
    for name, figure in pictures.items():
        plots.save(figure, folder / f"{name}.png")
