"""Whether another agent bears our name: the broker then turns one out for the other, mostly without a word.

MQTT 5 has a reason for it, which many brokers do not send (mosquitto 2.0.11 is one). But each birth
leaves its session in the retained `status`: when a session that is not ours stands there after we
had put our own, somebody else has been born under our name.
"""

from edge.message import decode
from edge.mqtt.connection import Connection
from edge.mqtt.trouble import Cure
from edge.notices import Notices

# Without being turned out for so long, the namesake is gone.
ALONE_S = 3600.0


class Namesakes:
    """Watches one connection; while there is a namesake, it comes back slowly."""

    def __init__(self, connection: Connection, session: str, notices: Notices) -> None:
        self._connection = connection
        self._session = session
        self._notices = notices
        self._born = False  # whether the broker has shown us a status of ours
        self._past: set[str] = set()  # sessions of this device before ours
        self._open = False

    def heard(self, _: str, payload: bytes, __: bool) -> None:
        """A message on our own `status`."""
        try:
            session = str(decode(payload).get("session"))
        except ValueError:
            return  # not by an agent
        if session == self._session:
            self._born = True
        elif not self._born:
            self._past.add(session)
        elif session not in self._past:
            self._begin(
                "another agent with this device id has connected to the broker at "
                f"{self._connection.settings.address}: give one of the two another id"
            )
        else:
            # a broker that was restarted may show what it had kept long ago; twice is no accident
            self._past.discard(session)

    def lost(self) -> None:
        """The connection has come to an end."""
        if self._connection.trouble.cure is Cure.NAMESAKE:
            self._begin(self._connection.trouble.sentence)

    def look(self) -> None:
        """From time to time: is the namesake gone?"""
        if self._open and self._connection.lasted_s > ALONE_S:
            self._open = self._connection.shared = False
            self._notices.end("namesake")

    def _begin(self, why: str) -> None:
        self._open = self._connection.shared = True
        self._notices.begin("namesake", why)
