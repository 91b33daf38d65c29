"""What the model at work has come to know is kept beside the models, and given back to it after a restart."""

import json
import logging
import time
from collections.abc import Callable

from edge.bundle.bundle import Bundle
from edge.detection.memory import Memory
from edge.swap.store import ModelStore

LOG = logging.getLogger(__name__)
FILE, FORMAT = "learnt.json", 1
# A power cut costs an hour of it. The file is small, and changes whole or not at all.
EVERY_S = 3600.0


class Memories:
    """The file. Belongs to one thread, but for `of`."""

    def __init__(self, store: ModelStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._due = clock()

    def of(self, bundle: Bundle) -> Memory | None:
        """What that model knew when it last judged here; None when it never did, or the file is damaged."""
        content = self._store.read(FILE)
        if content is None:
            return None
        try:
            table = json.loads(content)
            if table["format"] != FORMAT or table["model"] != bundle.sha256:
                return None
            memory = Memory.from_json(table)
            _require_plausible(memory, bundle)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            LOG.warning("%s cannot be used (%s): what was learnt while judging is learnt anew", FILE, error)
            return None
        fits = all(len(row) == len(bundle.channels) for row in memory.hours)
        return memory if fits and memory.raised.keys() == bundle.detector.budgets.keys() else None

    def keep(self, bundle: Bundle, recall: Callable[[], Memory | None], *, now: bool = False) -> None:
        """Write down what the model at work knows, when it is time, or `now`."""
        if self._clock() < self._due and not now:
            return
        memory = recall()
        if memory is None:
            return  # it does not judge yet
        self._due = self._clock() + EVERY_S
        table = {"format": FORMAT, "model": bundle.sha256, **memory.to_json()}
        self._store.write(FILE, json.dumps(table, separators=(",", ":"), allow_nan=False).encode())

    def forget(self) -> None:
        """What was known is of another room."""
        self._store.remove(FILE)


def _require_plausible(memory: Memory, bundle: Bundle) -> None:
    """Raises ValueError for hours that no working sensor can have told of."""
    for row in memory.hours:
        for channel, value in zip(bundle.channels, row, strict=False):  # of other channels: not used anyway
            if not channel.is_plausible(value):
                raise ValueError(f"an hour of {value:g} {channel.unit}")
