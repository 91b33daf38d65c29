"""Where the broker is and how to be let in: its address, credentials, and refusals in plain English."""

import re
import socket
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import BrokerError, ConfigError

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
        raise BrokerError(failure(settings.address, error)[0]) from error


# A person mends these; trying again alone does not. By the names of MQTT 5's reason codes.
_MENDABLE = {
    "Bad user name or password": "the user name or password is wrong",
    "Not authorized": "not authorized: the broker does not let this client in",
    "Client identifier not valid": "the broker does not accept this client id",
    "Banned": "this client is banned",
    "Bad authentication method": "the broker wants another way of authentication",
}


_NOT_YET_VALID = 9  # X509_V_ERR_CERT_NOT_YET_VALID of OpenSSL


def refusal(address: str, reason: str) -> tuple[str, bool]:
    """What a CONNACK reason means: (sentence, whether a person must mend it)."""
    known = _MENDABLE.get(reason)
    return f"the broker at {address} refused the connection: {known or reason.lower()}", known is not None


def failure(address: str, error: Exception) -> tuple[str, bool]:
    """What an exception while connecting means: (sentence, whether a person must mend it)."""
    match error:
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return f"cannot look up the host of broker {address}: no name server answers", False
        case socket.gaierror() | UnicodeError():
            return f"no such host: broker {address}", True
        case ssl.SSLCertVerificationError(verify_code=code) if code == _NOT_YET_VALID:
            today = time.strftime("%Y-%m-%d", time.gmtime())
            return (
                f"the certificate of the broker at {address} is not yet valid: it is {today} here, "
                "until the clock is set",
                False,
            )
        case ssl.SSLCertVerificationError(verify_message=message):
            return f"the broker at {address} has a certificate that is not trusted: {message}", True
        case ssl.SSLError(reason=reason):
            return (
                f"no TLS with the broker at {address}: {(reason or str(error)).lower().replace('_', ' ')}",
                False,
            )
        case ConnectionRefusedError():
            return f"nobody listens at {address}: start the broker or correct the address", False
        case TimeoutError():
            return f"the broker at {address} does not answer: timed out", False
        case _:
            return f"cannot reach the broker at {address}: {getattr(error, 'strerror', None) or error}", False
