"""Messages on their way to the ingest thread: bounded in number and in bytes; a flood waits outside."""

import threading
import time
from collections import deque

MESSAGES_MOST = 20_000
BYTES_MOST = 8 * 1024 * 1024

Message = tuple[str, bytes]  # topic and payload


class Inbox:
    """First in, first out. Any thread may put, one gets."""

    def __init__(self, messages_most: int = MESSAGES_MOST, bytes_most: int = BYTES_MOST) -> None:
        self._most = messages_most, bytes_most
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, message: Message, timeout_s: float) -> bool:
        """Into the line; False when there was no room for it all that time, or nobody gets any more."""
        with self._changed:
            if not self._changed.wait_for(self._has_room, timeout_s) or self._closed:
                return False
            self._waiting.append(message)
            self._bytes += len(message[1])
            self._changed.notify_all()
            return True

    def _has_room(self) -> bool:
        # a message larger than all that may wait gets in when nothing else does
        room = len(self._waiting) < self._most[0] and self._bytes < self._most[1]
        return self._closed or room

    def get(self, timeout_s: float) -> Message | None:
        """The first; None when none came all that time, or there are none and `close` was called."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)
            if not self._waiting:
                return None
            message = self._waiting.popleft()
            self._bytes -= len(message[1])
            self._changed.notify_all()
            return message

    def gather(self, first_s: float, more_s: float) -> list[Message]:
        """What comes within `more_s` of the first, but no more than may wait at once."""
        first = self.get(first_s)
        found = [] if first is None else [first]
        size, deadline = sum(len(payload) for _, payload in found), time.monotonic() + more_s
        while found and len(found) < self._most[0] and size < self._most[1]:
            message = self.get(0.0 if self._closed else max(0.0, deadline - time.monotonic()))
            if message is None:
                break
            found.append(message)
            size += len(message[1])
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
