"""A run: the folder that one training leaves. Saved and loaded here, so that the two cannot differ."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.detection.fleet import Fleet
from edge.detection.habits import Habits
from edge.detection.windowing import Windowing
from edge.errors import RecordingError
from edge.reading import channel
from edge.recording import Recording
from trainer.feedback import Feedback
from trainer.labels import LabelledEvent
from trainer.prior import DAMAGED

FORMAT = 2
SETTINGS, MODEL, HISTORY, METRICS = "settings.json", "model.keras", "history.npz", "metrics.json"
LABELS, AROUND = "labels.json", "labelled.npz"  # what people said, and the readings around


@dataclass(frozen=True, slots=True)
class Run:
    """What a run folder holds."""

    settings: dict[str, Any]
    model: Any  # keras.Model
    habits: Habits
    history: Recording  # the part that was trained on; thresholds are calibrated from it
    fleet: Fleet  # where the alarms of a fleet of rooms begin with this model
    feedback: Feedback | None = None  # what people said of earlier alarms


def save(path: Path, run: Run) -> None:
    """Write model, settings and training history into the folder `path`."""
    path.mkdir(parents=True, exist_ok=True)
    habits = {
        "windowing": run.habits.windowing.to_json(),
        "floor": run.habits.floor,
        "change_rate": run.habits.change_rate,
        "fleet": run.fleet.to_json(),
    }
    write_json(path / SETTINGS, {"format": FORMAT, **run.settings, **habits})
    run.model.save(path / MODEL)
    np.savez_compressed(path / HISTORY, ts_ms=run.history.ts_ms, values=run.history.values)
    for name in (LABELS, AROUND):
        (path / name).unlink(missing_ok=True)  # an earlier run's, in the same folder
    if run.feedback is not None:
        write_json(path / LABELS, [event.to_json() for event in run.feedback.events])
        around = run.feedback.recording
        np.savez_compressed(path / AROUND, ts_ms=around.ts_ms, values=around.values)


def expect(path: Path) -> None:
    """Raises RecordingError where there is no run folder."""
    if not (path / SETTINGS).is_file():
        raise RecordingError(f"{path}: not a run (no {SETTINGS} in it); make one with: python -m trainer")


def load(path: Path) -> Run:
    """Read a run folder. Raises RecordingError where it is none or is damaged."""
    expect(path)
    import keras  # seconds to import

    try:
        settings = json.loads((path / SETTINGS).read_text())
        if settings["format"] != FORMAT:
            raise RecordingError(
                f"{path}: run format {settings['format']}, this picanary reads {FORMAT}; train again"
            )
        fleet = Fleet.from_json(settings["fleet"])
        windowing = Windowing.from_json(settings["windowing"])
        habits = Habits(windowing, tuple(settings["floor"]), tuple(map(tuple, settings["change_rate"])))
        model = keras.saving.load_model(path / MODEL, compile=False, safe_mode=True)
        with np.load(path / HISTORY) as arrays:
            history = _history(settings["name"], windowing, arrays["ts_ms"], arrays["values"])
        feedback = _feedback(path, settings["name"], windowing)
    except DAMAGED as error:
        raise RecordingError(f"{path}: this run is damaged ({error}); train again") from error
    return Run(settings, model, habits, history, fleet, feedback)


def _feedback(path: Path, name: str, windowing: Windowing) -> Feedback | None:
    if not (path / LABELS).is_file():
        return None
    events = [LabelledEvent.from_json(table) for table in json.loads((path / LABELS).read_text())]
    with np.load(path / AROUND) as arrays:
        around = _history(name, windowing, arrays["ts_ms"], arrays["values"])
    return Feedback(around, tuple(events))


def _history(name: str, windowing: Windowing, ts_ms: np.ndarray, values: np.ndarray) -> Recording:
    return Recording(
        name=name,
        ts_ms=ts_ms,
        channels=tuple(channel(each) for each in windowing.channels),
        values=values,
        labels=None,
        kinds=None,
        period_s=windowing.period_s,
        gaps=(),
        columns={},
        found=(),
    )


def write_json(path: Path, table: Any) -> None:
    """A table as JSON that people can read too."""
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
