"""How we stand with the broker, for health."""

import time
from typing import Any

from edge.mqtt.connection import Connection


class Standing:
    """Looks at one connection. Not for several threads, but for `lost`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lost = 0
        self._trouble: dict[str, Any] | None = None

    def lost(self) -> None:
        """The connection has come to an end."""
        self._lost += 1

    def look(self) -> None:
        """From time to time: note why there is no connection."""
        if self._connection.connected:
            return
        sentence = self._connection.trouble.sentence
        if self._trouble is None or self._trouble["why"] != sentence:
            self._trouble = {"why": sentence, "ts_ms": time.time_ns() // 1_000_000}

    def report(self) -> dict[str, Any]:
        """The newest trouble and when it began, connections tried and lost."""
        return {"trouble": self._trouble, "tries": self._connection.tries, "lost": self._lost}
