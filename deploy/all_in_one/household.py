"""Who lives on the Pi: its agent, its page and its broker, each with a key; and the page's token.

All of it is made here and not on the Pi. The authority's key can make anybody, and a Pi in a cellar
can be carried away; here it also lets later devices in (`deploy broker DIR add-device`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.broker.ledger import Ledger, read_ledger
from deploy.broker.place import Place
from deploy.broker.registrar import Registrar, establish
from deploy.broker.settings import Listener
from edge.errors import ConfigError
from monitor.access.token import make as make_token

AT = "/etc/mosquitto/picanary"  # on the Pi
MONITOR = "monitor"
TOKEN_HASH = "monitor.token"  # noqa: S105  (a file's name)
PAGE_SUFFIX = "-page"


@dataclass(frozen=True, slots=True)
class Household:
    """One Pi's part of the folder: what its broker reads, what agent and page were handed."""

    name: str  # of the Pi, as in http://NAME.local
    device: str
    ledger: Ledger
    mosquitto: Path
    agent: Path
    page: Path
    token: str | None  # None: it was shown before, and only its hash is known

    @property
    def page_name(self) -> str:
        """The page's name on its certificate."""
        return self.device + PAGE_SUFFIX

    @property
    def port(self) -> int:
        """Where the broker listens."""
        return self.ledger.listener.port


def move_in(folder: Path, name: str, device: str, *, new_token: bool = False) -> Household:
    """Make what is not there yet. Raises ConfigError."""
    place = Place(folder)
    with place.claimed():
        registrar = _registrar(place, name)
        page_name = device + PAGE_SUFFIX
        for role, each in (("device", device), (MONITOR, page_name)):
            registrar.add(role, each)
            if not _has_pair(place.handout(each), each):
                registrar.renew([each])
        registrar.refresh()
        page = place.handout(page_name)
        file = page / TOKEN_HASH
        made = make_token(file) if new_token or not file.exists() else None
        return Household(name, device, registrar.ledger, place.mosquitto, place.handout(device), page, made)


def foresee(folder: Path, name: str) -> bool:
    """Whether `move_in` would make a new authority; changes nothing. Raises ConfigError where it would."""
    place = Place(folder)
    if place.established:
        _require_ours(place, read_ledger(place.ledger), name)
    return not place.established


def address(household: Household) -> str:
    """Of the page, by the name that avahi announces."""
    return f"http://{household.name}.local/"


def tell_token(household: Household, say: Callable[[str], None]) -> None:
    """The one time that the token is shown, and how to get in with it."""
    page = address(household)
    if household.token is None:
        say(f"the page will be {page}; its token was shown when it was made, --new-token makes another")
        return
    say(f"the page will be {page}")
    say(f"  its token, shown this once: {household.token}")
    say(f"  a link that signs in, for your own phone alone: {page}login#token={household.token}")


def _registrar(place: Place, name: str) -> Registrar:
    hosts = [f"{name.lower()}.local", name.lower()]
    if place.established:
        ledger = read_ledger(place.ledger)
        _require_ours(place, ledger, name)
        return establish(place, hosts, ledger.listener)
    return establish(place, hosts, Listener(AT))


def _require_ours(place: Place, ledger: Ledger, name: str) -> None:
    """A house is one broker. Raises ConfigError for that of another machine."""
    local = f"{name.lower()}.local"
    if local not in ledger.hosts:
        raise ConfigError(
            f"{place.folder} is of the broker at {ledger.hosts[0]}: give {local} a --house of its own, or, "
            f"if it is the same machine: python -m deploy broker {place.folder} --host {local}"
        )
    if ledger.listener.at != AT or ledger.listener.bind is not None:
        raise ConfigError(
            f"{place.folder} is of a broker whose files stand elsewhere, or that has one address only; "
            f"that of an all-in-one Pi has --at {AT} and no --bind: give another --house"
        )


def _has_pair(folder: Path, name: str) -> bool:
    return all((folder / file).is_file() for file in ("ca.crt", f"{name}.crt", f"{name}.key"))
