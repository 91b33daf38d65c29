"""What may be asked of a running agent from afar, and what becomes of it here."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from edge.journal import Journal
from edge.message import topic
from edge.snooze import Snooze
from edge.uplink.commands import Action, Commands
from edge.uplink.presence import Presence
from edge.uplink.request import Request
from edge.uplink.uplink import Uplink

LOG = logging.getLogger(__name__)
# EX_TEMPFAIL of sysexits.h: a clean end, after which the service manager is to start us again
RESTART = 75


class Ending(threading.Event):
    """The stop event, which also knows with which exit status the process is to end."""

    status = 0

    def restart(self) -> None:
        """End, and have the service manager start the agent again."""
        self.status = RESTART
        self.set()


class Remote:
    """The commands of one agent, put to work. Without an uplink nobody can ask for anything."""

    def __init__(self, device: str, journal: Journal, ending: Ending) -> None:
        self._device, self._journal, self._ending = device, journal, ending
        self._commands: Commands | None = None
        self.snooze = Snooze()

    def listen(
        self,
        uplink: Uplink | None,
        presence: Presence,
        *,
        blink: Callable[[], None] = lambda: None,
        recalibrate: Callable[[float | None], None] | None = None,
        withdraw: Callable[[str], None] | None = None,
    ) -> None:
        """Begin. `blink` shows where the device is; a command that nothing is given for is refused."""
        if uplink is None:
            return

        def identify(_: Request) -> None:
            LOG.warning("this is %s: somebody asks where it is", self._device)
            presence.again()
            blink()

        def snooze(request: Request) -> None:
            self.snooze.begin(request.fields["minutes"])
            uplink.tell_health()

        actions: dict[str, Action] = {
            "restart": self._restart,
            "identify": identify,
            "snooze": snooze,
        }
        if recalibrate is not None:
            actions["recalibrate"] = lambda request: recalibrate(request.fields.get("level"))
        if withdraw is not None:
            actions["withdraw"] = lambda request: withdraw(request.fields["model"])
        self._commands = Commands(self._journal, uplink.send, actions, lambda: uplink.batch_bytes)
        self._commands.start()
        uplink.listen(topic(self._device, "cmd/+"), self._commands.receive)

    def _restart(self, request: Request) -> None:
        LOG.warning("restart: request %s", request.id)
        self._ending.restart()

    def stop(self) -> None:
        """Carry out no more."""
        if self._commands is not None:
            self._commands.stop()

    def told(self, health: dict[str, Any]) -> dict[str, Any]:
        """The health report with what is known here."""
        refused = 0 if self._commands is None else self._commands.refused
        sent = {"sent_seq": self._journal.sent, "epochs": self._journal.epochs()}
        return {
            **health,
            "epoch": self._journal.epoch,
            "journal": {**health["journal"], **sent},
            "faults": {**health["faults"], "commands_refused": refused},
            "snoozed_s": self.snooze.left_s,
        }
