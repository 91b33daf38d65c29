"""The channels that a settings file names, made ready: secrets read, addresses checked."""

from pathlib import Path

from edge.errors import ConfigError
from monitor.alerts.channel import Channel
from monitor.alerts.post import posts
from monitor.alerts.settings import Settings, WebhookTable, check_address, secret
from monitor.alerts.telegraph import Confirmations, Publisher, Telegraph
from monitor.alerts.webhook import Webhook


def make(settings: Settings, connection: Publisher, confirmations: Confirmations) -> list[Channel]:
    """All of them. Raises ConfigError for a bad address or file, MissingExtra without apprise."""
    made: list[Channel] = [_webhook(f"webhook.{name}", each) for name, each in settings.webhooks.items()]
    for name, mqtt in settings.mqtt.items():
        kinds = frozenset[str](mqtt.kinds)
        made.append(Telegraph(f"mqtt.{name}", mqtt.topic, mqtt.retain, kinds, connection, confirmations))
    for name, post in settings.apprise.items():
        where = f"apprise.{name}"
        urls = secret(f"[{where}] urls_file", Path(post.urls_file))
        made += posts(where, urls, frozenset(post.kinds))
    return made


def _webhook(name: str, table: WebhookTable) -> Webhook:
    if bool(table.url) == bool(table.url_file):
        raise ConfigError(f"[{name}] needs one of url and url_file")
    url = table.url or secret(f"[{name}] url_file", Path(table.url_file))
    check_address(f"[{name}] {'url' if table.url else 'url_file'}", url)
    key = secret(f"[{name}] secret_file", Path(table.secret_file)) if table.secret_file else ""
    return Webhook(name, url, key.encode(), table.timeout_s, frozenset(table.kinds))
