"""A fleet with a repairer whose clock and whose broker a test holds in its hands."""

import json
from typing import Any

from monitor.fleet import Fleet, News
from monitor.repair import Repair
from tests.monitor.messages import EPOCH, data, info, record, status, valid


class Bench:
    """A fleet with a repairer whose clock and whose broker a test holds in its hands."""

    def __init__(self) -> None:
        self.now, self.connected = 1000.0, True
        self.asked: list[dict[str, Any]] = []
        self.repair = Repair(self._ask, clock=lambda: self.now)
        self.fleet = Fleet(self.repair)
        self.take("status", status("online"))
        self.take("info", info())

    def _ask(self, topic: str, payload: bytes, expires_s: int) -> bool:
        assert topic == "picanary/v1/cellar/cmd/resend" and expires_s > 0
        if self.connected:
            self.asked.append(json.loads(valid("command", json.loads(payload))))
        return self.connected

    def take(self, leaf: str, payload: bytes) -> News:
        news = News()
        self.fleet.take(f"picanary/v1/cellar/{leaf}", payload, news)
        return news

    def records(self, *seqs: int, epoch: str = EPOCH) -> None:
        self.take("data", data(*(record(seq, epoch=epoch) for seq in seqs)))

    def wait(self, seconds: float) -> int:
        """Let that time pass; how many times it has asked in all."""
        self.now += seconds
        self.repair.look(self.fleet.devices.values())
        return len(self.asked)

    def answer(
        self, *, ok: bool = True, sent: int = 0, gone: tuple[Any, ...] = (), cause: str = "cap"
    ) -> News:
        request = self.asked[-1]["request"]
        told = {"v": 1, "request": request, "ok": ok, "sent": sent, "gone": list(gone), "why": "so it is"}
        return self.take(f"res/{request}", valid("response", {**told, "causes": [cause] * len(gone)}))

    @property
    def counts(self) -> tuple[int, int, int]:
        counts = self.fleet.devices["cellar"].summary()["counts"]
        return counts["received"], counts["missing"], counts["gone"]
