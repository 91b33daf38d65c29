"""mosquitto's configuration: one listener, which believes certificates and nothing else."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from edge.errors import ConfigError
from edge.mqtt.broker import TLS_PORT

# A bundle of 1 MiB, its topic and what MQTT puts around it.
PACKET_BYTES = 1024 * 1024 + 64 * 1024

_LISTENER = """\
# Written by python -m deploy broker: changes here are lost.
# Below /etc/mosquitto/conf.d it goes with Debian's mosquitto.conf; mosquitto.conf beside it stands alone.

# Before all else, so that nothing another file allows to everybody is allowed here.
per_listener_settings true
# What somebody left behind goes with the right to say it. It is the default, which 2.0.11 forgets.
check_retain_source true

# A model of 1 MiB fits, and nothing beyond; a record's batch has at most 48 KiB.
max_packet_size {packet}
# For one that reads too slowly, each; what is dropped the monitor misses, and asks for.
max_queued_messages 2000
max_queued_bytes 33554432
# Seconds; a dead link is noticed within three minutes, whatever the client asked for.
max_keepalive 120
# Agents say anew whatever is retained when they connect: a power cut takes with it only what others
# retained in the last five minutes, such as a model on offer. Each save writes the whole file to the card.
autosave_interval 300
persistent_client_expiration 14d

listener {port}{bind}
cafile {at}/ca.crt
certfile {at}/server.crt
keyfile {at}/server.key
crlfile {at}/revoked.crl
tls_version tlsv1.2
require_certificate true
# Who somebody is stands in the certificate, and neither a name nor a client id that is only claimed
# counts: with a client id of another's choice a device could turn its neighbour out.
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
allow_zero_length_clientid false
acl_file {at}/acl
"""
_ALONE = """\
# Written by python -m deploy broker, for a mosquitto without another file: mosquitto -c {at}/mosquitto.conf
persistence true
persistence_location {at}/data/
log_dest stderr

"""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where mosquitto listens, and where it finds its files. Raises ConfigError for what cannot be."""

    at: str
    port: int = TLS_PORT
    bind: str | None = None

    def __post_init__(self) -> None:
        if not PurePosixPath(self.at).is_absolute() or not self.at.isprintable():
            raise ConfigError(f"--at {self.at!r} must be a whole path, from / on, without control characters")
        if not 1 <= self.port <= 65535:
            raise ConfigError(f"--port {self.port} must be from 1 to 65535")

    def included(self) -> str:
        """For /etc/mosquitto/conf.d: all but where mosquitto keeps its own things."""
        bind = f" {self.bind}" if self.bind else ""
        return _LISTENER.format(at=self.at, port=self.port, bind=bind, packet=PACKET_BYTES)

    def alone(self) -> str:
        """A whole configuration."""
        return _ALONE.format(at=self.at) + self.included()
