"""What the agent tells systemd: ready, stopping, and that it still does its work (sd_notify(3)).

The watchdog is fed for each record that the journal has taken, and for nothing else. The memory
that takes over while a disk refuses is the journal too: a full card must not end in a circle of
restarts. A sensor that hangs gives records without a reading; these do not count.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

LOG = logging.getLogger(__name__)
# systemd waits for at least so many readings before it takes the agent for dead.
LEAST_READINGS = 5


class ServiceManager:
    """The datagram socket that systemd gives its services; where there is none nothing is said."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """`environment` has NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, as systemd sets them."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.watchdog_s = _watchdog_s(environment)  # 0.0: nobody watches

    def tell(self, *assignments: str) -> None:
        """Say `NAME=value` lines. An unheard word is no reason to stop: raises nothing."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as end:
                end.sendto("\n".join(assignments).encode(), address)
        except OSError as error:
            LOG.warning("systemd does not hear us at %s: %s", self._address, error)

    def ready(self, status: str) -> None:
        """The agent has begun; `status` is one line for `systemctl status`."""
        self.tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """SIGHUP was heard; `ready` ends it."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The agent is about to end, in order."""
        self.tell("STOPPING=1")


class Watchdog:
    """Tells systemd that records reach the journal, at least twice in the time that it waits."""

    def __init__(
        self,
        manager: ServiceManager,
        period_s: float,
        hangs: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`period_s` is from reading to reading; one too rare for systemd's patience asks for more of it."""
        self._manager = manager
        self._hangs = hangs
        self._clock = clock
        self._interval_s = manager.watchdog_s
        self._fed = -float("inf")
        if 0 < self._interval_s < LEAST_READINGS * period_s:
            self._interval_s = LEAST_READINGS * period_s
            manager.tell(f"WATCHDOG_USEC={round(self._interval_s * 1e6)}")

    def kept(self) -> None:
        """The journal has taken a record."""
        now = self._clock()
        if not self._interval_s or self._hangs() or now - self._fed < self._interval_s / 5:
            return
        self._fed = now
        self._manager.tell("WATCHDOG=1")


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """Seconds of systemd's patience with this process; 0 when it does not watch it."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(0.0, int(environment.get("WATCHDOG_USEC", "0")) / 1e6)
    except ValueError:
        return 0.0
