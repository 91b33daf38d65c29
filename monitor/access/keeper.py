"""Who is let in: the right token, once it was checked, or a session that began with it."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from edge.errors import PicanaryError
from monitor.access.attempts import Attempts
from monitor.access.sessions import Sessions
from monitor.access.token import TokenHash

LOG = logging.getLogger(__name__)


class WrongToken(PicanaryError):
    """It is not the token: ask for it again."""


class TooManyTries(PicanaryError):
    """Too many wrong tokens: try again after `wait_s`."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = max(1, round(wait_s + 0.5))
        super().__init__(f"too many wrong tokens: try again in {self.wait_s} s")


class Keeper:
    """Used from the event loop alone."""

    def __init__(
        self, token: TokenHash, attempts: Attempts | None = None, clock: Callable[[], float] | None = None
    ) -> None:
        self._token = token
        self._attempts = attempts or Attempts()
        key = token.key("session")
        self.sessions = Sessions(key, clock) if clock else Sessions(key)
        # Of the right token, once seen: from then on nothing slow is asked of us, and whoever has it is
        # let in at once, also while others try wrong ones from the same address. Nobody guesses 192 bits.
        self._known: bytes | None = None
        self._one_at_a_time = asyncio.Lock()

    async def check(self, token: str, address: str) -> None:
        """Returns when it is the token. Raises WrongToken, TooManyTries."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        if self._is_known(digest):
            return
        if wait_s := self._attempts.take(address):
            raise TooManyTries(wait_s)
        if self._known is None:
            async with self._one_at_a_time:  # each takes 16 MB
                if self._known is None and await run_in_threadpool(self._token.matches, token):
                    self._known = digest
        if not self._is_known(digest):
            LOG.warning("a wrong token came from %s", address)
            raise WrongToken("this is not the token of this monitor")
        self._attempts.give_back(address)

    def _is_known(self, digest: bytes) -> bool:
        return self._known is not None and hmac.compare_digest(digest, self._known)
