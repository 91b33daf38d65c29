"""A Wi-Fi network of ours for NetworkManager, beside the one that Imager may have written."""

import hashlib
import re
import uuid
from dataclasses import dataclass

from edge.errors import ConfigError

_TEMPLATE = """\
[connection]
id=picanary
uuid={uuid}
type=wifi

[wifi]
mode=infrastructure
ssid={ssid}

{security}[ipv4]
method=auto

[ipv6]
method=auto
"""
_SECURITY = "[wifi-security]\nkey-mgmt=wpa-psk\npsk={key}\n\n"


@dataclass(frozen=True, slots=True)
class Wifi:
    """A network's name, its passphrase (None: open) and the country whose radio rules hold."""

    ssid: str
    passphrase: str | None
    country: str

    def check(self) -> "Wifi":
        """Itself, if it can be. Raises ConfigError."""
        if not 1 <= len(self.ssid.encode()) <= 32:
            raise ConfigError("--wifi: a network's name has 1 to 32 bytes")
        if self.passphrase is not None and not 8 <= len(self.passphrase.encode()) <= 63:
            raise ConfigError("--wifi-password-file: a Wi-Fi passphrase has 8 to 63 characters")
        check_country(self.country)
        return self

    def connection(self) -> str:
        """A NetworkManager key file. It has the derived key, so the passphrase never is on the card."""
        # bytes by number: NetworkManager's own way for a name with any characters
        ssid = "".join(f"{byte};" for byte in self.ssid.encode())
        name = uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.ssid}.picanary")
        security = "" if self.passphrase is None else _SECURITY.format(key=self._key(self.passphrase))
        return _TEMPLATE.format(uuid=name, ssid=ssid, security=security)

    def _key(self, passphrase: str) -> str:
        return hashlib.pbkdf2_hmac("sha1", passphrase.encode(), self.ssid.encode(), 4096, 32).hex()


def check_country(country: str) -> str:
    """Two capitals. Raises ConfigError."""
    if not re.fullmatch("[A-Z]{2}", country):
        raise ConfigError(f"--country {country!r}: two capital letters, such as DE or GB")
    return country
