"""Which certificate the doctor comes with, and how long the agent's own still holds.

A broker that takes the client id from the certificate (`python -m deploy broker` makes such) would turn
the agent out for a doctor with the same one. So the doctor has its own, `NAME.doctor.crt` and
`NAME.doctor.key` beside the agent's, and uses it where it is there.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from edge.doctor.report import Finding, fail, ok, warn
from edge.errors import ConfigError
from edge.mqtt.broker import BrokerSettings

SUBJECT = "broker"
# Somebody has to bring a new one.
SOON = timedelta(days=60)
_RENEW = "renew it, such as with: python -m deploy broker DIR renew"


def apart(settings: BrokerSettings) -> BrokerSettings:
    """The same broker for the doctor, so that it turns no agent out."""
    ours = replace(settings, client_id=f"{settings.client_id}-doctor")
    certificate, key = _beside(settings.certfile), _beside(settings.keyfile)
    if certificate and key and certificate.is_file() and key.is_file():
        return replace(ours, certfile=certificate, keyfile=key)
    return ours


def own_certificate(settings: BrokerSettings) -> Iterator[Finding]:
    """How long the agent's certificate holds, if it has one. Raises ConfigError for one that is damaged."""
    if settings.certfile is None:
        return
    try:
        until = x509.load_pem_x509_certificate(settings.certfile.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise ConfigError(f"certificate {settings.certfile} cannot be read: {error}") from error
    says = f"our certificate {settings.certfile.name} holds until {until:%Y-%m-%d}"
    left = until - datetime.now(UTC)
    if left < timedelta(0):
        yield fail(SUBJECT, f"our certificate {settings.certfile.name} ran out {until:%Y-%m-%d}", _RENEW)
    elif left < SOON:
        yield warn(SUBJECT, says, _RENEW)
    else:
        yield ok(SUBJECT, says)


def _beside(path: Path | None) -> Path | None:
    return None if path is None else path.with_name(f"{path.stem}.doctor{path.suffix}")
