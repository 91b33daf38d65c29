"""The authority: it signs who is who, and says which of its certificates no longer count.

Every date begins in 1970. A Pi has no battery clock: the agent that has just started in 1970 must
believe the broker's certificate, and a broker that has, its devices' and the list of the revoked.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.errors import ConfigError

NAME = "picanary authority"
FAR_PAST = datetime(1970, 1, 1, tzinfo=UTC)
AUTHORITY_LIFE = timedelta(days=20 * 365)
# Nobody drives to a cellar each year for a certificate; what is stolen is revoked.
LIFE = timedelta(days=5 * 365)
SOON = timedelta(days=60)
# The broker's own machine calls it so: the monitor of an all-in-one Pi, say.
ALWAYS = ("localhost", "127.0.0.1", "::1")

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}\.?)*\Z")
_SIGNED = hashes.SHA256()


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its key, both PEM."""

    certificate: bytes
    key: bytes
    serial: int
    until: datetime


def check_host(host: str) -> str:
    """A name or an address by which clients call the broker. Raises ConfigError."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        if not _HOST.match(host) or re.fullmatch(r"[0-9.]+", host):
            raise ConfigError(
                f"host {host!r} must be a name such as cellar.local or an address such as 192.168.1.10, "
                "without a port"
            ) from None
        return host.lower()


def check_bind(address: str) -> str:
    """An address of the broker's machine. Raises ConfigError."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError as error:
        raise ConfigError(f"--bind {address!r} must be an address such as 192.168.1.10") from error


class Authority:
    """A key and its self-signed certificate."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate = certificate

    @classmethod
    def create(cls, now: datetime) -> "Authority":
        """A new one, for twenty years."""
        key = ec.generate_private_key(ec.SECP256R1())
        # two authorities of one name would be taken for each other when a chain is looked up
        name = _named(f"{NAME} {x509.random_serial_number():x}"[:40])
        built = (
            _begun(name, name, key.public_key(), now + AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
        )
        return cls(key, built.sign(key, _SIGNED))

    @classmethod
    def load(cls, key: Path, certificate: Path) -> "Authority":
        """From its two files. Raises ConfigError when they are damaged, or not of one another."""
        try:
            loaded = serialization.load_pem_private_key(key.read_bytes(), None)
            parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
            parsed.verify_directly_issued_by(parsed)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise ConfigError(
                f"{key}: the authority is damaged; put back your copy of it: {error}"
            ) from error
        if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.public_key() != parsed.public_key():
            raise ConfigError(f"{key} is not the key of {certificate}; put back your copy of both")
        return cls(loaded, parsed)

    @property
    def until(self) -> datetime:
        """When nothing that it signed counts any more."""
        return self.certificate.not_valid_after_utc

    def key_pem(self) -> bytes:
        """Its key: the one secret whose owner can be everybody."""
        return _key_pem(self._key)

    def certificate_pem(self) -> bytes:
        """What everybody who trusts it needs."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server(self, hosts: Iterable[str], now: datetime) -> Pair:
        """For the broker, by all the names and addresses that clients call it."""
        names = [_general_name(host) for host in hosts]
        return self._issue("broker", ExtendedKeyUsageOID.SERVER_AUTH, x509.SubjectAlternativeName(names), now)

    def client(self, name: str, now: datetime) -> Pair:
        """For one who connects to the broker; of no use to anyone who would play the broker."""
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, None, now)

    def revocations(self, serials: Sequence[int], number: int) -> bytes:
        """The list of certificates that no longer count, PEM; `number` is higher each time.

        It never runs out: mosquitto lets nobody in by a list that has. Of several that it has
        loaded, OpenSSL takes that with the latest date, so each is a second younger.
        """
        at = FAR_PAST + timedelta(seconds=number)
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(at)
            .next_update(self.until)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(self._issuer(), critical=False)
        )
        for serial in serials:
            made = made.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
            )
        return made.sign(self._key, _SIGNED).public_bytes(serialization.Encoding.PEM)

    def _issue(
        self,
        name: str,
        purpose: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName | None,
        now: datetime,
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        until = min(now + LIFE, self.until)
        built = (
            _begun(_named(name), self.certificate.subject, key.public_key(), until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(self._issuer(), critical=False)
        )
        if names is not None:
            built = built.add_extension(names, critical=False)
        signed = built.sign(self._key, _SIGNED)
        pem = signed.public_bytes(serialization.Encoding.PEM)
        return Pair(pem, _key_pem(key), signed.serial_number, signed.not_valid_after_utc)

    def _issuer(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


def hosts_of(certificate: x509.Certificate) -> set[str]:
    """The names and addresses that it holds for."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    return {*names.get_values_for_type(x509.DNSName), *map(str, addresses)}


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(FAR_PAST)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    """An authority signs certificates and lists, everybody else only handshakes."""
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
