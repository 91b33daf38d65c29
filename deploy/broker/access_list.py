"""What each role may write and read: mosquitto's access list, with a section for each name.

No `pattern` lines: they would hold for everybody whom the authority has signed, the revoked and the
monitor among them. A name that has no section may nothing, from the next reload on, on the
connections that are open too.
"""

from collections.abc import Iterable

from edge.message import ROOT, topic
from edge.uplink.discovery import discovery_topic
from edge.uplink.presence import HOME_ASSISTANT_STATUS

ALERTS = f"{ROOT}-alerts"

_HEAD = (
    "# Written by python -m deploy broker, which writes it anew whenever somebody comes or goes.\n"
    "# Who is not named here may do nothing."
)
_TOLD = ("status", "info", "state", "data", "event", "health", "model", "res/+", "doctor")
_HEARD = ("status", "cmd/+", "model/set", "doctor")
_WATCHED = ("status", "info", "state", "data", "event", "health", "model", "res/+")
# The monitor asks for what it misses and passes on what a person clicks; nothing that stops an agent.
_ASKED = ("resend", "identify", "snooze", "recalibrate")
_JUDGED = ("status", "info", "event", "health", "model", "res/+")
_SHOWN = ("status", "state", "health", "model")


def _device(name: str) -> list[str]:
    return [
        *(f"write {topic(name, leaf)}" for leaf in _TOLD),
        f"write {discovery_topic(name)}",
        *(f"read {topic(name, leaf)}" for leaf in _HEARD),
        f"read {HOME_ASSISTANT_STATUS}",
    ]


def _doctor(name: str) -> list[str]:
    """What `edge doctor` tries, beside an agent that runs."""
    device = name.partition(".")[0]
    return [f"readwrite {topic(device, 'doctor')}", f"read {topic(device, 'model/set')}"]


def _monitor(_: str) -> list[str]:
    return [
        *(f"read {topic('+', leaf)}" for leaf in _WATCHED),
        *(f"write {topic('+', f'cmd/{command}')}" for command in _ASKED),
        f"write {ALERTS}/#",
    ]


def _rollout(_: str) -> list[str]:
    """Offers models, looks on while the devices try them, and takes back what it has offered."""
    return [
        *(f"read {topic('+', leaf)}" for leaf in _JUDGED),
        *(f"write {topic('+', leaf)}" for leaf in ("model/set", "cmd/withdraw")),
    ]


def _home_assistant(_: str) -> list[str]:
    return [
        f"read {discovery_topic('+')}",
        *(f"read {topic('+', leaf)}" for leaf in _SHOWN),
        f"readwrite {HOME_ASSISTANT_STATUS}",
    ]


DEVICE, DOCTOR = "device", "doctor"
ROLES = {
    DEVICE: _device,
    DOCTOR: _doctor,
    "monitor": _monitor,
    "rollout": _rollout,
    "home-assistant": _home_assistant,
}


def access_list(named: Iterable[tuple[str, str]]) -> str:
    """The file's text, for (name, role) of all who may do something. KeyError: no such role."""
    sections = [
        "\n".join([f"user {name}", *(f"topic {right}" for right in ROLES[role](name))])
        for name, role in sorted(set(named))
    ]
    return "\n\n".join([_HEAD, *sections]) + "\n"
