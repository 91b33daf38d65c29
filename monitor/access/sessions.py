"""Who has signed in: a signed note in a cookie, so that a restart of the monitor signs nobody out."""

import asyncio
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

DAYS = 30
LASTS_S = DAYS * 86_400
ENDED_MOST = 10_000
_NOTE = re.compile(r"([0-9a-f]{32})\.([0-9]{1,12})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that signed in; `until_s` by the wall clock, seconds since 1970."""

    name: str
    until_s: int


class Sessions:
    """Makes and knows sessions. Used from the event loop alone."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock
        # what was signed out: those cookies are deleted in their browsers, and copies of them are of no use
        self._ended: dict[str, int] = {}
        self._watched: dict[str, set[asyncio.Event]] = {}

    def begin(self) -> str:
        """The cookie's value of a new session."""
        return self._signed(secrets.token_hex(16), int(self._clock()) + LASTS_S)

    def find(self, value: str) -> Session | None:
        """The session of a cookie's value, if it is ours and has not ended."""
        parts = _NOTE.fullmatch(value)
        if parts is None:
            return None
        found = Session(parts[1], int(parts[2]))
        if not hmac.compare_digest(self._signed(found.name, found.until_s), value):
            return None
        return found if self.left_s(found) > 0 and found.name not in self._ended else None

    def left_s(self, session: Session) -> float:
        """How many seconds it still lasts."""
        return session.until_s - self._clock()

    def end(self, session: Session) -> None:
        """Sign it out, here and in every stream that is open."""
        now = self._clock()
        self._ended = {name: until_s for name, until_s in self._ended.items() if until_s > now}
        self._ended[session.name] = session.until_s
        while len(self._ended) > ENDED_MOST:
            del self._ended[next(iter(self._ended))]
        for event in self._watched.get(session.name, ()):
            event.set()

    async def over(self, session: Session) -> None:
        """Returns when it has ended."""
        event = asyncio.Event()
        self._watched.setdefault(session.name, set()).add(event)
        try:
            async with asyncio.timeout(max(0.0, self.left_s(session))):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._watched[session.name].discard(event)
            if not self._watched[session.name]:
                del self._watched[session.name]

    def _signed(self, name: str, until_s: int) -> str:
        note = f"{name}.{until_s}"
        return f"{note}.{hmac.digest(self._key, note.encode(), 'sha256').hex()}"
