"""Asks agents for the records that did not come: one request per device at a time, ever less often in vain.

A broker's acknowledgement says that the broker has a record, not that anybody got it. What an agent
answers that it has no more is declared gone, with its cause.
"""

import itertools
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge.message import VERSION, encode, topic
from edge.uplink.resend import WHY
from monitor.device import Device
from monitor.ledger import Gap
from monitor.message import Response

LOG = logging.getLogger(__name__)
GRACE_S = 2.0  # what is missing may be on its way
ANSWER_S = 20.0  # without a record that fills a gap, and without an answer
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 600.0
MOST_RECORDS = 5000  # in one request, so that a broken connection costs little
ASK_EXPIRES_S = 60

Ask = Callable[[str, bytes, int], bool]  # topic, payload, seconds until it expires; False: no connection


@dataclass(slots=True)
class _Errand:
    """What is under way for one device."""

    id: str
    wanted: "_Wanted"
    left: int  # records that were missing when it was sent
    news: int  # and when one came last
    deadline: float


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A gap, or so much of it as one request may ask for."""

    epoch: str
    gap: Gap


@dataclass(slots=True)
class _Desk:
    """How it goes with one device."""

    noticed: float | None = None  # when something began to be missing
    resume: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    session: str | None = None
    errand: _Errand | None = None
    in_vain: int = 0


class Repair:
    """For all devices. Belongs to the ingest thread."""

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._desks: dict[str, _Desk] = {}
        self._mark = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def begin_again(self) -> None:
        """The broker is another one, or was away: it may have lost what was asked, and what was answered."""
        for desk in self._desks.values():
            desk.errand, desk.noticed, desk.resume, desk.pause_s = None, None, 0.0, FIRST_PAUSE_S

    def forget(self, device_id: str) -> None:
        """A device is no longer known."""
        self._desks.pop(device_id, None)

    def look(self, devices: Iterable[Device]) -> None:
        """Ask for what has been missing for a while."""
        for device in devices:
            self._look_at(device, self._desks.setdefault(device.id, _Desk()))

    def _look_at(self, device: Device, desk: _Desk) -> None:
        now = self._clock()
        if desk.session != device.born:  # a new birth: what was in vain before may not be now
            desk.session, desk.pause_s, desk.errand, desk.resume = device.born, FIRST_PAUSE_S, None, 0.0
        if desk.errand is not None:
            self._wait_for(device, desk, desk.errand)
            return
        wanted = _wanted(device, desk)
        if wanted is None:
            desk.noticed = None
            return
        desk.noticed = now if desk.noticed is None else desk.noticed
        if device.presence == "online" and now >= max(desk.resume, desk.noticed + GRACE_S):
            self._send(device, desk, wanted)

    def _send(self, device: Device, desk: _Desk, wanted: _Wanted) -> None:
        first, last = wanted.gap
        request = f"{self._mark}-{next(self._numbers)}"
        payload = encode({"v": VERSION, "request": request, "epoch": wanted.epoch, "from": first, "to": last})
        if not self._ask(topic(device.id, "cmd/resend"), payload, ASK_EXPIRES_S):
            return
        LOG.info("asked %s for records %d to %d of epoch %s", device.id, first, last, wanted.epoch)
        left = device.ledgers[wanted.epoch].missing
        desk.errand = _Errand(request, wanted, left, left, self._clock() + ANSWER_S)

    def _wait_for(self, device: Device, desk: _Desk, errand: _Errand) -> None:
        missing = device.ledgers[errand.wanted.epoch].missing
        if missing < errand.news:
            errand.news, errand.deadline = missing, self._clock() + ANSWER_S
        elif self._clock() > errand.deadline:
            LOG.info("%s did not answer", device.id)
            self._pause(desk)

    def _pause(self, desk: _Desk) -> None:
        desk.errand = None
        desk.in_vain += 1
        desk.resume = self._clock() + desk.pause_s
        desk.pause_s = min(2 * desk.pause_s, LONGEST_PAUSE_S)

    def answered(self, device: Device, response: Response) -> str | None:
        """An answer has come, to us or to somebody else. The epoch in which it declared something gone."""
        desk = self._desks.get(device.id)
        errand = None if desk is None else desk.errand
        if desk is None or errand is None or errand.id != response.request:
            return None
        epoch, (first, last) = errand.wanted.epoch, errand.wanted.gap
        ledger, gone = device.ledgers[epoch], 0
        causes = itertools.chain(response.causes, itertools.repeat("unknown"))
        for (start, end), cause in zip(response.gone, causes, strict=False):
            # no more than what was asked for
            gone += ledger.declare(max(start, first), min(end, last), WHY.get(cause, cause))
        if response.ok and ledger.missing < errand.left:
            desk.errand, desk.pause_s = None, FIRST_PAUSE_S
            desk.resume = self._clock() + GRACE_S  # what was sent may still be on its way
        else:
            self._pause(desk)
        return epoch if gone else None


def _wanted(device: Device, desk: _Desk) -> _Wanted | None:
    """The oldest gap, or the next one after each try in vain."""
    epochs = sorted(device.ledgers.items(), key=lambda item: item[1].first)
    gaps = sum(len(ledger.gaps) for _, ledger in epochs)
    place = desk.in_vain % gaps if gaps else 0
    for epoch, ledger in epochs:
        if place < len(ledger.gaps):
            first, last = ledger.gaps[place]
            return _Wanted(epoch, (first, min(last, first + MOST_RECORDS - 1)))
        place -= len(ledger.gaps)
    return None
