"""Messages on their way to the ingest thread: bounded in number and in bytes; a flood waits outside."""

import threading
from collections import deque
from collections.abc import Sequence

MESSAGES_MOST = 20_000
BYTES_MOST = 8 * 1024 * 1024

Message = tuple[str, bytes]  # topic and payload


class Inbox:
    """First in, first out. Any thread may put, one gathers."""

    def __init__(self, messages_most: int = MESSAGES_MOST, bytes_most: int = BYTES_MOST) -> None:
        self._most = messages_most, bytes_most
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, messages: Sequence[Message], timeout_s: float) -> int:
        """Into the line; how many of them: not all when there is no room for so long, or nobody gets more."""
        with self._changed:
            if not self._changed.wait_for(self._has_room, timeout_s) or self._closed:
                return 0
            first, put = not self._waiting, 0
            for message in messages:
                self._waiting.append(message)
                self._bytes += len(message[1])
                put += 1
                if not self._has_room():
                    break
            if first or not self._has_room():  # a thread that is woken each time costs more
                self._changed.notify_all()
            return put

    def _has_room(self) -> bool:
        # a message larger than all that may wait gets in when nothing else does
        room = len(self._waiting) < self._most[0] and self._bytes < self._most[1]
        return self._closed or room

    def gather(self, first_s: float, more_s: float) -> list[Message]:
        """All that comes within `more_s` of the first, less when that is full; none: [] after `first_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, first_s)
            if self._waiting:
                self._changed.wait_for(lambda: self._closed or not self._has_room(), more_s)
            found, self._waiting, self._bytes = list(self._waiting), deque(), 0
            self._changed.notify_all()
            return found

    def close(self) -> None:
        """Take nothing more; what is in the line can be had still."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def empty(self) -> bool:
        """Whether nobody waits."""
        return not self._waiting
