"""Letters by apprise: e-mail, push, and a hundred services more, one address a channel."""

import logging
from typing import Any

from edge.errors import ConfigError
from edge.extras import need
from monitor.alerts.channel import NotDelivered
from monitor.alerts.letter import Letter

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its log may name what the addresses keep secret

_TYPES = {"onset": "warning", "reminder": "warning", "recovery": "success", "test": "info"}


class Post:
    """One apprise address. It says whether it was delivered, and not why not."""

    def __init__(self, name: str, kinds: frozenset[str], plugin: Any) -> None:
        self.name = name
        self.kinds = kinds
        self._plugin = plugin
        self._service = str(plugin.service_name or "apprise")

    def send(self, letter: Letter) -> None:
        """Hand it over. Raises NotDelivered."""
        body = letter.text + (f"\n\n{letter.url}" if letter.url else "")
        try:
            arrived = self._plugin.notify(body=body, title=letter.title, notify_type=_TYPES[letter.what])
        except Exception as error:  # a plugin of somebody else's may raise anything
            raise NotDelivered(f"{self._service}: {type(error).__name__}") from error
        if not arrived:
            raise NotDelivered(f"{self._service} did not take it")


def posts(name: str, urls: str, kinds: frozenset[str]) -> list[Post]:
    """A channel for each line of that text; empty lines and `#` lines do not count.

    Raises ConfigError for an address that apprise does not know, without saying it: it holds secrets.
    """
    apprise = need("apprise", "alerts")
    lines = [line.strip() for line in urls.splitlines()]
    wanted = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not wanted:
        raise ConfigError(f"[{name}] urls_file names no address")
    made = []
    for number, line in wanted:
        plugin = apprise.Apprise.instantiate(line, suppress_exceptions=True)
        if not plugin:
            raise ConfigError(f"[{name}] urls_file: line {number} is no address that apprise knows")
        made.append(Post(name if len(wanted) == 1 else f"{name} line {number}", kinds, plugin))
    return made
