"""The newest record, for the `state` topic: whoever looks wants to see now, not what was."""

import time
from typing import Any

from edge.message import encode


class Live:
    """One place: a newer record replaces one that is not yet sent. Its owner holds a lock."""

    def __init__(self, expiry_s: float) -> None:
        """A record that is older than that says nothing of now."""
        self._expiry_s = expiry_s
        self._record: bytes | None = None
        self._made = 0.0
        self.fresh = False  # whether there is something to send

    def put(self, record: dict[str, Any]) -> None:
        """This is the newest."""
        self._record, self._made, self.fresh = encode(record), time.monotonic(), True

    def again(self) -> None:
        """A broker that has forgotten all gets the one that was sent last."""
        self.fresh = self._record is not None

    def take(self) -> tuple[bytes, int] | None:
        """What is to be sent, once, and the seconds for which it holds."""
        left_s = round(self._expiry_s - (time.monotonic() - self._made))
        due, self.fresh = self.fresh, False
        return (self._record, left_s) if due and self._record is not None and left_s > 0 else None
