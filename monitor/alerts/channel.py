"""What brings a letter to people: anything with a name and `send`."""

from typing import Protocol

from monitor.alerts.letter import Letter


class NotDelivered(Exception):
    """It did not arrive, and may the next time."""


class Refused(NotDelivered):
    """The receiver has looked at it and will never take it: another try is of no use."""


class Channel(Protocol):
    """`kinds` are those that it wants, all when there are none."""

    name: str
    kinds: frozenset[str]

    def send(self, letter: Letter) -> None:
        """Until the receiver has confirmed it. Raises NotDelivered, or Refused. Belongs to one thread."""
