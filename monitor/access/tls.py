"""The page over TLS: the operator's certificate and key.

Strict-Transport-Security is not sent, on purpose: it would be of the whole host and not of one port, and
so forbid the plain pages of its neighbours (Home Assistant on the same machine, say) for months.
"""

import ssl
from pathlib import Path

from edge.errors import ConfigError


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer with that certificate; the key may be in its file. Raises ConfigError."""
    private = key or certificate
    for path in (certificate, private):
        if not path.is_file():
            raise ConfigError(f"no such certificate or key file: {path}")
    if private.stat().st_mode & 0o007:
        raise ConfigError(f"the key {private} can be read by everybody; run: chmod 600 {private}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # an empty password: an encrypted key must be an error here, not a question on a terminal
        context.load_cert_chain(certificate, private, password="")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{certificate} and {private} must be a certificate and its unencrypted key, in PEM: {error}"
        ) from error
    return context


def names_of(certificate: Path) -> tuple[str, ...]:
    """The names that it is for, wildcards left out."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ()
    return tuple(name for name in names.get_values_for_type(x509.DNSName) if "*" not in name)
