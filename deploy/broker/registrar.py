"""The registrar: who is let in, with which certificate, and who no longer.

The ledger is written first, so that there is no certificate that could not be revoked; what mosquitto
reads is made from it, and made good by the next command whenever it is missing or damaged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from deploy.broker.access_list import DEVICE, DOCTOR, access_list
from deploy.broker.authority import ALWAYS, SOON, Authority, Pair, hosts_of
from deploy.broker.ledger import DOCTOR_SUFFIX, Entry, Ledger, read_ledger
from deploy.broker.place import SECRET, SHARED, Place
from deploy.broker.settings import Listener
from edge.errors import ConfigError
from edge.message import check_device

LONGEST_NAME = 64 - len(DOCTOR_SUFFIX)  # of a certificate's common name


@dataclass(frozen=True, slots=True)
class Handed:
    """What was made for one name: its folder, and the name's own certificate."""

    name: str
    role: str
    folder: Path
    entry: Entry


class Registrar:
    """Of one folder, which the caller has claimed."""

    def __init__(self, place: Place) -> None:
        """Raises ConfigError when there is no authority, or a damaged one."""
        if not place.established:
            _require_new(place)
            raise ConfigError(
                f"{place.folder} has no authority yet; make it: "
                f"python -m deploy broker {place.folder} --host NAME"
            )
        self.place = place
        self.ledger = read_ledger(place.ledger)
        if not place.authority_key.exists() or not place.authority_certificate.exists():
            raise ConfigError(f"{place.authority} has lost its key or certificate; put back your copy of it")
        self._authority = Authority.load(place.authority_key, place.authority_certificate)

    @property
    def until(self) -> datetime:
        """When the authority itself runs out."""
        return self._authority.until

    def set_up(self, hosts: Sequence[str], listener: Listener) -> None:
        """More hosts, another listener."""
        known = self.ledger.hosts + tuple(host for host in hosts if host not in self.ledger.hosts)
        self._write(replace(self.ledger, hosts=tuple(dict.fromkeys(known)), listener=listener))

    def add(self, role: str, name: str, out: Path | None = None) -> Handed | None:
        """Let somebody in; None when that name is in already, in that role. Raises ConfigError."""
        _check_name(name)
        entries = [entry for entry in self.ledger.of(name) if entry.role != DOCTOR]
        if not entries:
            return self._hand_out(role, name, out)
        if entries[0].role != role:
            raise ConfigError(
                f"{name} is a {entries[0].role} already: choose another name, or revoke it first"
            )
        return None

    def renew(self, names: Sequence[str], out: Path | None = None) -> list[Handed]:
        """New keys and certificates for these, or for all that run out soon; the old ones count till then.

        Raises ConfigError for a name that is not in.
        """
        soon = datetime.now(UTC) + SOON
        due = names or sorted({entry.owner for entry in self.ledger.newest() if entry.ends < soon})
        roles = {name: self._role(name) for name in due}
        return [
            self._hand_out(role, name, out / name if out and len(roles) > 1 else out)
            for name, role in roles.items()
        ]

    def revoke(self, name: str) -> list[Entry]:
        """Nothing of that name counts any more; what is revoked. Raises ConfigError when it is not in."""
        self._role(name)
        gone = self.ledger.of(name)
        self._write(self.ledger.without(name))
        return gone

    def refresh(self) -> set[str]:
        """Make what mosquitto reads; the names of the files that are new."""
        folder, listener = self.place.mosquitto, self.ledger.listener
        self.place.make(folder, 0o750)
        self.place.make(folder / "data", 0o770)
        named = [(entry.name, entry.role) for entry in self.ledger.entries if not entry.revoked]
        files = {
            "ca.crt": self._authority.certificate_pem(),
            "acl": access_list(named).encode(),
            "picanary.conf": listener.included().encode(),
            "mosquitto.conf": listener.alone().encode(),
        }
        if not self._revocations_stand(folder / "revoked.crl"):
            files["revoked.crl"] = self._authority.revocations(self._revoked(), self.ledger.revocations)
        if not self._server_stands(folder):
            pair = self._authority.server(dict.fromkeys((*self.ledger.hosts, *ALWAYS)), datetime.now(UTC))
            files |= {"server.key": pair.key, "server.crt": pair.certificate}
        return {name for name, content in files.items() if self.place.put(folder / name, content, SHARED)}

    def server_until(self) -> datetime:
        """When the broker's own certificate runs out."""
        server = x509.load_pem_x509_certificate((self.place.mosquitto / "server.crt").read_bytes())
        return server.not_valid_after_utc

    def _role(self, name: str) -> str:
        roles = [entry.role for entry in self.ledger.of(name) if entry.role != DOCTOR]
        if not roles:
            known = ", ".join(self.ledger.names()) or "nobody"
            raise ConfigError(f"{name} is not let in here; there is {known}")
        return roles[-1]

    def _hand_out(self, role: str, name: str, out: Path | None) -> Handed:
        names = {name: role}
        if role == DEVICE:
            names[name + DOCTOR_SUFFIX] = DOCTOR
        folder = (out or self.place.handout(name)).absolute()
        self.place.make(folder, 0o700)
        pairs = {each: self._authority.client(each, datetime.now(UTC)) for each in names}
        entries = [_entry(each, names[each], pair) for each, pair in pairs.items()]
        self._write(self.ledger.added(*entries))
        self.place.put(folder / "ca.crt", self._authority.certificate_pem(), SHARED)
        for each, pair in pairs.items():
            self.place.put(folder / f"{each}.key", pair.key, SECRET)
            self.place.put(folder / f"{each}.crt", pair.certificate, SHARED)
        return Handed(name, role, folder, entries[0])

    def _write(self, ledger: Ledger) -> None:
        self.place.put(self.place.ledger, ledger.encoded(), SECRET)
        self.ledger = ledger

    def _revoked(self) -> list[int]:
        return sorted(int(entry.serial, 16) for entry in self.ledger.entries if entry.revoked)

    def _revocations_stand(self, path: Path) -> bool:
        try:
            stands = x509.load_pem_x509_crl(path.read_bytes())
            listed = sorted(each.serial_number for each in stands)
            key = self._authority.certificate.public_key()
            return listed == self._revoked() and stands.is_signature_valid(key)  # type: ignore[arg-type]
        except (OSError, ValueError):
            return False

    def _server_stands(self, folder: Path) -> bool:
        """Whether the broker's certificate is ours, whole, of these hosts, and holds for a while."""
        try:
            stands = x509.load_pem_x509_certificate((folder / "server.crt").read_bytes())
            key = (folder / "server.key").read_bytes()
        except (OSError, ValueError):
            return False
        return (
            b"PRIVATE KEY" in key
            and stands.issuer == self._authority.certificate.subject
            and hosts_of(stands) == {*self.ledger.hosts, *ALWAYS}
            and stands.not_valid_after_utc > datetime.now(UTC) + SOON
        )


def establish(place: Place, hosts: Sequence[str], listener: Listener) -> Registrar:
    """An authority with nobody in, or the one that is there with these settings. Raises ConfigError."""
    if not place.established:
        _require_new(place)
        if not hosts:
            raise ConfigError("say how devices call the broker: --host NAME, and more of them if it has more")
        key, certificate = place.authority_key, place.authority_certificate
        if not (key.exists() and certificate.exists()):
            made = Authority.create(datetime.now(UTC))
            place.put(key, made.key_pem(), SECRET)
            place.put(certificate, made.certificate_pem(), SHARED)
        place.put(place.ledger, Ledger(tuple(dict.fromkeys(hosts)), listener).encoded(), SECRET)
    registrar = Registrar(place)
    registrar.set_up(hosts, listener)
    return registrar


def _require_new(place: Place) -> None:
    """What mosquitto reads is only made when there is a ledger. Raises ConfigError when that was lost."""
    if place.mosquitto.exists():
        raise ConfigError(
            f"{place.ledger} is gone, and with it who was revoked; put back your copy of {place.authority}"
        )


def _check_name(name: str) -> None:
    check_device(name)
    if len(name) > LONGEST_NAME:
        raise ConfigError(f"{name} is too long for a certificate: at most {LONGEST_NAME} characters")


def _entry(name: str, role: str, pair: Pair) -> Entry:
    return Entry(name, role, f"{pair.serial:x}", pair.until.isoformat())
