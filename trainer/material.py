"""What one training is made of: the history, the part to evaluate on, what people said of earlier alarms."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edge.errors import ConfigError
from edge.recording import Recording
from trainer.evaluate import Stretch, split, with_labels
from trainer.feedback import Feedback, feedback_of
from trainer.history import DAY_S, long_enough, recorded, simulated, stored
from trainer.order import Order
from trainer.store_history import read_store

SIMULATED_PERIOD_S = 10.0
TRAIN_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Material:
    """What a training is made of."""

    history: Recording  # to train on
    stretch: Stretch  # labelled, to evaluate on
    name: str
    feedback: Feedback | None = None  # what people said of earlier alarms


def material_for(order: Order, say: Callable[[str], None]) -> Material:
    """What the order asks for; `say` gets what was found. Raises PicanaryError."""
    if order.device is not None and (order.data is None or not stored(order.data)):
        raise ConfigError(f"--device {order.device}: chooses from a monitor's store; name one with --data")
    if order.data is None:
        say(f"simulating {order.days:g} days of a room, and 14 more with faults ...")
        whole = simulated(order.seed, SIMULATED_PERIOD_S, order.days, sensor=order.sensor.lower())
        cut = round(order.days * DAY_S / SIMULATED_PERIOD_S)
        rest = whole.between(cut, len(whole))
        says = f"{len(rest)} later readings of the same simulated room, with faults put in"
        found = (f"{order.days:g} days of a simulated room, one reading in {SIMULATED_PERIOD_S:g} s",)
        train_part = replace(whole.between(0, cut), labels=None, kinds=None, found=found)
        return Material(train_part, Stretch(rest, says), _name(order.name or "room"))
    whole, name, feedback = _recorded(order.data, order)
    for sentence in whole.found:
        say(f"found  {sentence}")
    history, rest = split(whole, TRAIN_SHARE)
    return Material(history, with_labels(rest, order.seed), _name(order.name or name), feedback)


def _recorded(path: Path, order: Order) -> tuple[Recording, str, Feedback | None]:
    """A recorded history without the alarms that people say are true, its name, and what they said."""
    if not stored(path):
        return recorded(path, order.repair), path.stem, None
    kept = read_store(path, order.device)
    return long_enough(path, kept.normal()), kept.device, feedback_of(kept)


def _name(text: str) -> str:
    """What can stand in a file's name and in a record."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_") or "room"
