"""Somebody on the host who takes what the emulated Pi publishes, finds what is missing, and asks for it."""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from tests.brokers import Broker
from tests.edge.connections import Log, connection

PATIENCE_S = 480.0  # outside time passes as well while a busy host emulates


class Consumer:
    """Of one device. It comes back to a broker that was away, and may be away itself."""

    def __init__(self, broker: Broker, device: str) -> None:
        self._broker, self._prefix = broker, f"picanary/v1/{device}/"
        self._log = Log()
        self._requests = 0
        self._here = ExitStack()
        self.come_back()

    def come_back(self) -> None:
        """Begin to listen."""
        self._wire = self._here.enter_context(connection(self._broker.port, self._log))
        self._wire.subscribe(f"{self._prefix}#")
        before = len(self.of("doctor"))
        self._wire.publish(f"{self._prefix}doctor", b"{}")  # once that comes back, so does all else
        self._log.wait(lambda: len(self.of("doctor")) > before, PATIENCE_S)

    def leave(self) -> None:
        """Hear nothing any more; the broker keeps nothing for us."""
        self._here.close()

    def of(self, leaf: str) -> list[dict[str, Any]]:
        """All that came on that topic."""
        topic = self._prefix + leaf
        return [json.loads(payload) for name, payload, _ in list(self._log.messages) if name == topic]

    def records(self) -> dict[int, dict[str, Any]]:
        """By number: the device has one epoch."""
        return {record["seq"]: record for batch in self.of("data") for record in batch["records"]}

    def last(self) -> int:
        """The newest number that came."""
        return max(self.records(), default=0)

    def missing(self) -> list[int]:
        """Numbers up to the newest that did not come."""
        records = self.records()
        return [seq for seq in range(1, self.last() + 1) if seq not in records]

    def wait_for(self, seq: int) -> None:
        """Until that record is there."""
        self._log.wait(lambda: seq in self.records(), PATIENCE_S)

    def take(self, numbers: Iterable[int]) -> list[dict[str, Any]]:
        """These records, once they have all come."""
        wanted = list(numbers)
        self._log.wait(lambda: self.records().keys() >= set(wanted), PATIENCE_S)
        return [self.records()[seq] for seq in wanted]

    def events(self, kind: str, phase: str) -> list[dict[str, Any]]:
        """What came of them."""
        return [event for event in self.of("event") if (event["state"], event["phase"]) == (kind, phase)]

    def wait_for_event(self, kind: str, phase: str) -> dict[str, Any]:
        """The first of them."""
        self._log.wait(lambda: self.events(kind, phase), PATIENCE_S)
        return self.events(kind, phase)[0]

    def ask_for_what_is_missing(self) -> dict[str, Any]:
        """The device's answer, which comes after the records."""
        self._requests += 1
        request, missing = f"gap-{self._requests}", self.missing()
        epoch = self.records()[self.last()]["epoch"]
        asked = {"v": 1, "request": request, "epoch": epoch, "from": missing[0], "to": missing[-1]}
        self._wire.publish(f"{self._prefix}cmd/resend", json.dumps(asked).encode())
        self._log.wait(lambda: self.of(f"res/{request}"), PATIENCE_S)
        return self.of(f"res/{request}")[0]

    def wait_for_status(self, state: str) -> dict[str, Any]:
        """Until the device says so of itself."""
        self._log.wait(lambda: (self.of("status") or [{}])[-1].get("state") == state, PATIENCE_S)
        return self.of("status")[-1]
