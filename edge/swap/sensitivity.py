"""How sensitive a person wants the device: what all alarm levels are multiplied by, and who is told of it."""

import logging
from collections.abc import Callable

from edge.bundle.bundle import Bundle
from edge.errors import ConfigError
from edge.judge import Judge, Model

LOG = logging.getLogger(__name__)


class Sensitivity:
    """The level that was asked for. It belongs to one model: another one has levels of its own."""

    def __init__(self, judge: Judge, tell: Callable[[float | None], None]) -> None:
        """`tell` gets the level in force, None where nothing judges; it may be told the same again."""
        self._judge, self._tell = judge, tell
        self._asked: tuple[str, float] | None = None  # the model's hash, and the level
        self.unsaved = False

    def ask(self, bundle: Bundle | None, level: float) -> None:
        """From the next reading on. Raises ConfigError where nothing judges yet."""
        if bundle is None or self._judge.level is None:
            raise ConfigError(
                "no model judges here yet, so there are no alarm levels to set; "
                "ask again after the first verdict"
            )
        self._asked, self.unsaved = (bundle.sha256, level), True
        self._judge.turn(level)
        LOG.warning("all alarm levels are %g times as calibrated from now on", level)
        self.tell()

    def carry(self, bundle: Bundle, model: Model) -> None:
        """One that takes over begins with what was asked of the same model."""
        if self._asked is not None and self._asked[0] == bundle.sha256:
            model.watcher.turn(self._asked[1])

    def forget(self) -> None:
        """The room is learnt anew: levels are as calibrated again."""
        self._asked = None

    def tell(self) -> None:
        """What is in force now."""
        self._tell(self._judge.level)
