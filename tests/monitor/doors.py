"""A monitor behind a door, and the key to it; certificates that are made at test time."""

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge.mqtt.broker import BrokerSettings
from monitor.access import token as tokens
from monitor.access.door import DoorFiles, hang
from monitor.server import bind
from monitor.service import Monitor, Settings
from tests.brokers import Broker
from tests.monitor.running import PATIENCE_S


@dataclass(frozen=True)
class Behind:
    """A running monitor, what its token is, and a client that was not let in."""

    monitor: Monitor
    token: str
    client: httpx.Client

    @property
    def url(self) -> str:
        return self.monitor.server.url

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def sign_in(self, token: str | None = None) -> httpx.Response:
        """As the form does it."""
        return self.client.post("/login", data={"token": self.token if token is None else token})


@contextmanager
def door(broker: Broker, folder: Path, *, tls: bool = False, token: bool = True) -> Iterator[Behind]:
    """A monitor with all that it keeps in `folder`; started again there it is the same one."""
    file = folder / "token"
    said = folder / "said"
    if token and not file.exists():
        said.write_text(tokens.make(file))
    certificate, key = make_certificate(folder) if tls else (None, None)
    listener = bind("127.0.0.1", 0)
    files = DoorFiles(file if token else None, certificate, key)
    settings = BrokerSettings("127.0.0.1", broker.port, f"monitor-{listener.getsockname()[1]}")
    hung = hang(files, listener, "127.0.0.1:0")
    made = Monitor(Settings(settings, listener, folder / "m.db", door=hung))
    try:
        made.start()
        verify = ssl.create_default_context(cafile=certificate)
        with httpx.Client(base_url=made.server.url, timeout=PATIENCE_S, verify=verify) as client:
            yield Behind(made, said.read_text() if token else "", client)
    finally:
        made.stop()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of its own for the loopback and canary.test, and its key, in PEM."""
    certificate, private = folder / "cert.pem", folder / "key.pem"
    if certificate.exists():
        return certificate, private
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "canary.test")])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [
        x509.DNSName("canary.test"),
        x509.DNSName("*.wild.test"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private
