"""What a channel brings to people: a title, a sentence, and the same as data for programs."""

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from monitor.alerts.condition import MONITOR
from monitor.alerts.notice import Notice
from monitor.alerts.words import RECOVERY, TROUBLE, clock, duration, names

VERSION = 1


@dataclass(frozen=True, slots=True)
class Letter:
    """Also the JSON of webhook and MQTT. `what` is onset, reminder, recovery or test.

    `id` is the same at every attempt and every channel: a receiver knows repeats by it.
    """

    id: str
    what: str
    kind: str
    title: str
    text: str
    url: str | None
    devices: tuple[str, ...]
    since_ms: int
    at_ms: int
    v: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """For the wire and for the outbox."""
        return asdict(self)

    @classmethod
    def from_json(cls, made: dict[str, Any]) -> "Letter":
        """What `to_json` gave."""
        return cls(**{**made, "devices": tuple(made["devices"])})


def write(notice: Notice, number: str, page: str) -> Letter:
    """A notice as a letter; `page` is the address of the monitor's page, or nothing."""
    devices = tuple(each.device for each in notice.alerts)
    many = len(devices) > 1
    title, text = (_of_many if many else _of_one)(notice)
    since_ms = min(each.since_ms for each in notice.alerts)
    return Letter(
        id=number,
        what=notice.what,
        kind=notice.kind,
        title=title,
        text=text,
        url=_link(page, devices),
        devices=tuple(each for each in devices if each != MONITOR),
        since_ms=since_ms,
        at_ms=notice.at_ms,
    )


def trial(number: str, page: str, at_ms: int) -> Letter:
    """A letter that only shows that letters arrive."""
    text = "This is a test: alerts of the monitor arrive here."
    return Letter(number, "test", "test", "picanary: test", text, page or None, (), at_ms, at_ms)


def headline(device: str, sentence: str) -> str:
    """What is the case, without the time: `cellar: humidity 81 %, expected 52 ± 4`."""
    return f"{'picanary' if device == MONITOR else device}: {sentence}"


def _of_one(notice: Notice) -> tuple[str, str]:
    alert = notice.alerts[0]
    who = "picanary" if alert.device == MONITOR else alert.device
    since = clock(alert.since_ms, notice.at_ms)
    if notice.what != "recovery":
        title = f"{who}: {TROUBLE[alert.kind][0]}"
        text = f"{headline(alert.device, alert.sentence)} (since {since})"
        return (f"{title}, still", f"Still: {text}") if notice.what == "reminder" else (title, text)
    if alert.device in notice.unwatched:
        title = f"{who}: no longer watched"
        return title, f"{who} was stopped or is no longer known; it had: {alert.sentence} (since {since})"
    lasted = duration(((alert.over_ms or notice.at_ms) - alert.since_ms) / 1000)
    said = RECOVERY[alert.kind][0]
    title = f"{who}: {said}" if alert.device == MONITOR else f"{who} {said}"
    return title, f"{title}, after {lasted} (since {since})"


def _of_many(notice: Notice) -> tuple[str, str]:
    devices = [each.device for each in notice.alerts]
    since = clock(min(each.since_ms for each in notice.alerts), notice.at_ms)
    if notice.what == "recovery":
        of = len(devices) + len(notice.remaining)
        count = f"{len(devices)} of {of} devices" if notice.remaining else f"{len(devices)} devices"
        title = f"{count} {RECOVERY[notice.kind][1]}"
        rest = f"; not yet: {names(notice.remaining)}" if notice.remaining else f": {names(devices)}"
        return title, f"{title} (since {since}){rest}"
    still = ", still" if notice.what == "reminder" else ""
    title = f"{len(devices)} of {notice.devices} devices {TROUBLE[notice.kind][1]}{still}"
    return title, f"{title} since {since}: {names(devices)}"


def _link(page: str, devices: tuple[str, ...]) -> str | None:
    if not page:
        return None
    is_room = len(devices) == 1 and devices[0] != MONITOR
    return f"{page.rstrip('/')}/#/" + (f"device/{quote(devices[0], safe='')}" if is_room else "alerts")
