"""Whether another agent bears our name: the broker then turns one out for the other, mostly without a word.

MQTT 5 has a reason for it, which many brokers do not send (mosquitto 2.0.11 is one). But each birth
leaves its session in the retained `status`: when a session of another house stands there after we
had put our own, somebody else has been born under our name. A broker that was killed may show what
it had kept long ago, so the sessions of one machine and journal have one beginning.
"""

import hashlib
import secrets
import time
from contextlib import suppress
from pathlib import Path

from edge.message import decode
from edge.mqtt.connection import Connection
from edge.mqtt.trouble import Cure
from edge.notices import Notices

# Without a sign for so long the namesake is gone; the longest wait beside one is shorter.
ALONE_S = 3600.0
_HOUSE = 8  # digits of a session that are those of machine and journal
# The Pi's serial number tells two cards from one image apart, which have one machine id.
_MACHINE = (Path("/proc/device-tree/serial-number"), Path("/etc/machine-id"))


def new_session(journal: Path) -> str:
    """16 hexadecimal digits for one run of the agent with that journal."""
    about = [str(journal.resolve()).encode()]
    for path in _MACHINE:
        with suppress(OSError):
            about.append(path.read_bytes())
    house = hashlib.sha256(b"\0".join(about)).hexdigest()[:_HOUSE]
    return house + secrets.token_hex(8 - _HOUSE // 2)


class Namesakes:
    """Watches one connection; while there is a namesake, it comes back slowly."""

    def __init__(self, connection: Connection, session: str, notices: Notices) -> None:
        """`session` is of `new_session`."""
        self._connection = connection
        self._session = session
        self._notices = notices
        self._born = False  # whether the broker has shown us a status of ours
        self._past: set[str] = set()  # sessions of others before ours, such as of a Pi that was replaced
        self._sign_at: float | None = None  # of the namesake, when there is one

    def heard(self, _: str, payload: bytes, __: bool) -> None:
        """A message on our own `status`."""
        try:
            session = str(decode(payload).get("session"))
        except ValueError:
            return  # not by an agent
        if session[:_HOUSE] == self._session[:_HOUSE]:
            self._born = self._born or session == self._session
        elif not self._born:
            self._past.add(session)
        elif session in self._past:
            self._past.discard(session)  # an old database, perhaps; twice is no accident
        else:
            self._begin(
                "another agent with this device id has connected to the broker at "
                f"{self._connection.settings.address}: give one of the two another id"
            )

    def lost(self) -> None:
        """The connection has come to an end."""
        if self._connection.trouble.cure is Cure.NAMESAKE:
            self._begin(self._connection.trouble.sentence)

    def look(self) -> None:
        """From time to time: is the namesake gone?"""
        if self._sign_at is not None and time.monotonic() - self._sign_at > ALONE_S:
            self._sign_at, self._connection.shared = None, False
            self._notices.end("namesake")

    def _begin(self, why: str) -> None:
        self._sign_at, self._connection.shared = time.monotonic(), True
        self._notices.begin("namesake", why)
