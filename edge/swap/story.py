"""What the retained `model` topic tells: the model in use, the newest offered, and how far it has come."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from edge.message import VERSION

State = Literal["none", "idle", "verifying", "warming", "trial", "refused", "rolled_back"]
Origin = Literal["file", "mqtt", "default"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One state of it, as `schema/model.json` says."""

    installed: str | None = None  # label of the model at work
    latest: str | None = None  # label of the newest that was offered
    state: State = "none"
    progress: int | None = None  # percent
    why: str | None = None
    source: Origin | None = None  # where the newest came from

    def message(self) -> dict[str, Any]:
        """For the wire."""
        return {
            "v": VERSION,
            "ts_ms": time.time_ns() // 1_000_000,
            "installed": self.installed,
            "latest": self.latest,
            "state": self.state,
            "progress": self.progress,
            "why": self.why,
            "source": self.source,
        }


class Story:
    """Tells each change once. Safe from any thread."""

    def __init__(self, tell: Callable[[dict[str, Any]], None], first: Chapter) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self.chapter = first
        tell(first.message())

    def goes_on(self, **changed: Any) -> None:
        """The next state; what is not named stays, but for progress and why."""
        with self._lock:
            chapter = replace(self.chapter, **{"progress": None, "why": None, **changed})
            if chapter == self.chapter:
                return
            self.chapter = chapter
            self._tell(chapter.message())
