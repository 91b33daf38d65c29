"""A model that was trained on no room of its own learns the scales of the one that it is in.

The weights are the same for all rooms (`docs/detector.md`); what differs is how far a value
usually moves, how noisy the sensor is, how high the levels of a short history have to be. So a
new device records, learns, judges, and learns anew as its history grows.
"""

import json
import logging
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edge.bundle.bundle import Bundle, unpack
from edge.child import child_command, child_environment
from edge.detection.detector_settings import DetectorSettings
from edge.detection.windowing import Windowing
from edge.errors import PicanaryError, RecordingError
from edge.recall import history
from edge.recording import Recording

LOG = logging.getLogger(__name__)
FILE = "settled.json"
DEADLINE_S = 600.0
# The first verdicts come after the first of these; each time a history has doubled, it says more.
POINTS_DAYS = (0.25, 0.5, 1.0, 2.0, 4.0, 7.0, 14.0, 28.0)
MOST_DAYS, DAY_S = POINTS_DAYS[-1], 86_400.0


@dataclass(frozen=True, slots=True)
class Settled:
    """What a device has learnt of its room, for one model."""

    model: str  # SHA-256 of the manifest of the model that was settled
    days: float  # of the history that it was learnt from
    windowing: Windowing
    detector: DetectorSettings
    at_days: float = 0.0  # how far the journal had counted; a full one has let some of these days go

    def of(self, bundle: Bundle) -> Bundle:
        """The model with this room's scales; its version says how much of the room it has seen."""
        return replace(bundle, windowing=self.windowing, detector=self.detector)

    def to_json(self) -> bytes:
        """As it stands on disk."""
        table = {"windowing": self.windowing.to_json(), "detector": self.detector.to_json()}
        about = {"model": self.model, "days": self.days, "at_days": self.at_days}
        return json.dumps({**about, **table}, allow_nan=False).encode()


def settled_from(content: bytes | None, bundle: Bundle) -> Settled | None:
    """What was learnt at another time, if it is of this model and whole."""
    if content is None:
        return None
    try:
        table: dict[str, Any] = json.loads(content)
        if table["model"] != bundle.sha256:
            return None
        windowing = Windowing.from_json(table["windowing"])
        detector = DetectorSettings.from_json(table["detector"], len(windowing.channels))
        days = float(table["days"])
        found = Settled(str(table["model"]), days, windowing, detector, float(table.get("at_days", days)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        LOG.warning("%s cannot be used (%s): the room is learnt anew", FILE, error)
        return None
    fits = (windowing.width, windowing.outputs) == (bundle.windowing.width, bundle.windowing.outputs)
    return found if fits and windowing.channels == bundle.windowing.channels else None


@dataclass(frozen=True, slots=True)
class Order:
    """What to learn from."""

    journal: Path
    period_s: float  # the room's
    speed: float
    since: int  # records up to this number are of another room
    false_alarms_per_week: float = 1.0
    days: float = 0.0  # how long the history is

    def to_json(self) -> dict[str, Any]:
        """For the child's command line."""
        return {**asdict(self), "journal": str(self.journal)}

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "Order":
        """From the command line."""
        return cls(**{**table, "journal": Path(table["journal"])})


def next_point(days: float) -> float:
    """How long a history the next lesson takes, after one of so many days; later ones come every 28 days."""
    return next((point for point in POINTS_DAYS if point > days + 1e-9), days + MOST_DAYS)


def settle(bundle: Bundle, history: Recording, days: float, false_alarms_per_week: float) -> Settled:
    """Learn the room from a history. Raises RecordingError when it is too short or too thin."""
    # the child alone learns, and the agent has years to go without what it takes
    from edge.detection.calibration import calibrate
    from edge.detection.habits import learn_habits

    habits = learn_habits(history)
    habits = replace(habits, windowing=habits.windowing.with_shapes(bundle.windowing.shapes))
    detector = calibrate(history, habits, bundle.network(), false_alarms_per_week)
    return Settled(bundle.sha256, days, habits.windowing, detector)


def settle_apart(bundle: bytes, order: "Order") -> bytes:
    """The same in a child process, since weeks of readings need memory that the agent does not.

    Returns what `settled_from` reads. Raises RecordingError.
    """
    import subprocess

    command = child_command("edge.settling", json.dumps(order.to_json()))
    try:
        child = subprocess.run(
            command,
            input=bundle,
            capture_output=True,
            timeout=DEADLINE_S,
            env=child_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RecordingError(f"learning the room took more than {DEADLINE_S:g} s") from error
    if child.returncode:
        lines = child.stderr.decode(errors="replace").strip().splitlines()
        raise RecordingError(lines[-1] if lines else f"learning the room ended with {child.returncode}")
    return child.stdout


def main(arguments: list[str]) -> int:
    """The child: a bundle on stdin, what was learnt on stdout."""
    order = Order.from_json(json.loads(arguments[0]))
    os.nice(10)  # the readings come first
    try:
        model = unpack(sys.stdin.buffer.read(), "the model")
        past = history(
            order.journal,
            model.channels,
            order.period_s,
            speed=order.speed,
            days=MOST_DAYS,
            since=order.since,
        )
        days = min(order.days, len(past) * order.period_s / DAY_S)
        learnt = settle(model, past, days, order.false_alarms_per_week)
        sys.stdout.buffer.write(replace(learnt, at_days=order.days).to_json())
    except PicanaryError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
