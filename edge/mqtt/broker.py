"""Where the broker is and how to be let in: its address, credentials and certificates."""

import re
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import BrokerError, ConfigError
from edge.mqtt.trouble import failure

PLAIN_PORT = 1883
TLS_PORT = 8883

_ADDRESS = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?)\]|(?P<host>[^\s:\[\]/@]+))(?::(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """One broker, and who we are to it.

    TLS is used as soon as `tls` is set or any certificate file is given; without `cafile` the
    system's own authorities are trusted. `password` is the secret itself, read from a file by
    the caller; it never shows in a repr.
    """

    host: str
    port: int = PLAIN_PORT
    client_id: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    cafile: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    keepalive_s: int = 30
    spread_s: float = 0.0  # a lost connection is tried again at a random moment within this
    packet_bytes: int | None = None  # a broker of MQTT 5 sends us no larger packet than that

    @property
    def address(self) -> str:
        """`HOST:PORT` as a person would write it, with brackets around IPv6."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.tls or any((self.cafile, self.certfile, self.keyfile))


def parse_broker(text: str, default_port: int = PLAIN_PORT) -> tuple[str, int]:
    """`HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT` to (host, port). Raises ConfigError."""
    match = _ADDRESS.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"broker {text!r} must be HOST or HOST:PORT, with an IPv6 address in brackets")
    port = int(match["port"] or default_port)
    if not 1 <= port <= 65535:
        raise ConfigError(f"broker {text!r}: port {port} must be between 1 and 65535")
    return match["v6"] or match["host"], port


def tls_context(settings: BrokerSettings) -> ssl.SSLContext | None:
    """The TLS context of these settings, None for plain TCP. Raises ConfigError for a bad file."""
    if not settings.secure:
        return None
    if settings.keyfile and not settings.certfile:
        raise ConfigError(f"broker {settings.address}: keyfile {settings.keyfile} needs its certfile")
    for path in (settings.cafile, settings.certfile, settings.keyfile):
        if path is not None and not path.is_file():
            raise ConfigError(f"broker {settings.address}: no such certificate or key file: {path}")
    try:
        context = ssl.create_default_context(cafile=str(settings.cafile) if settings.cafile else None)
        if settings.certfile:
            # An empty password: an encrypted key must be an error here, not a question on a terminal.
            context.load_cert_chain(settings.certfile, settings.keyfile, password="")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"broker {settings.address}: the certificate files must be unencrypted PEM: {error}"
        ) from error
    context.sslsocket_class = _Socket
    return context


class _Socket(ssl.SSLSocket):
    """A TLS socket that a failed handshake closes; paho drops it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def knock(settings: BrokerSettings, timeout_s: float = 5.0) -> None:
    """Is anybody there? Raises BrokerError at once when not: a person waits for the answer."""
    try:
        socket.create_connection((settings.host, settings.port), timeout_s).close()
    except (OSError, UnicodeError) as error:
        raise BrokerError(failure(settings.address, error).sentence) from error
