"""A consumer by the words of docs/mqtt.md alone: it counts, asks for what it lacks, takes what is gone."""

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.soak.account import Epoch, Received, content

ROOT = "picanary/v1"
GRACE_S = 2.0  # what is missing may be on its way
ANSWER_S = 15.0
MOST = 2000  # records in one request


@dataclass(slots=True)
class Account:
    """One epoch of one device: from `first` to `last` all is to be had or gone."""

    received: Received = field(default_factory=Received)
    contents: dict[int, str] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    whole: int = 0  # nothing is missing from `first` up to here
    at_ms: tuple[int, int] = (0, 0)  # when it was first and last heard of

    def reach(self, first: int, last: int) -> None:
        """The numbers from `first` to `last` have been sent."""
        if not self.first or first < self.first:
            self.first, self.whole = first, first - 1
        self.last = max(self.last, last)

    def missing(self) -> list[int]:
        """What is neither had nor gone."""
        had, gone = self.received.had, self.received.gone
        lacking = [seq for seq in range(self.whole + 1, self.last + 1) if seq not in had and seq not in gone]
        self.whole = (lacking[0] if lacking else self.last + 1) - 1
        return lacking


@dataclass(slots=True)
class Errand:
    """What was asked of one device."""

    request: str
    epoch: str
    until: float


class Consumer:
    """Runs in threads of its own; `look` is to be called about every second."""

    def __init__(self, port: int) -> None:
        self.accounts: dict[Epoch, Account] = {}
        self.live: dict[Epoch, int] = {}  # the newest number seen on `state`
        self.status: dict[str, str] = {}
        self.stories: dict[str, list[str]] = {}  # what became of models that were offered, by device
        self.judging: set[str] = set()  # devices whose model has spoken
        self.answers = self.repeats = self.asked = 0
        self.conflicts: list[str] = []  # numbers that were used twice
        self.problems: list[str] = []
        self._errands: dict[str, Errand] = {}
        self._noticed: dict[str, float] = {}
        self._lock = threading.Lock()
        self._port = port
        self._client: paho.Client | None = None
        self._listened = threading.Event()

    @property
    def listens(self) -> bool:
        """Whether the broker has taken its subscription at least once."""
        return self._listened.is_set()

    @property
    def here(self) -> bool:
        """Whether it listens, as far as it is up to itself."""
        return self._client is not None

    def come(self) -> None:
        """Connect, again and again if need be; the session is a new one each time."""
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.on_connect = lambda told, *_: told.subscribe(f"{ROOT}/#", 1)
        client.on_subscribe = lambda *_: self._listened.set()
        client.on_message = self._received
        client.reconnect_delay_set(1, 4)
        client.connect_async("127.0.0.1", self._port, keepalive=10)
        client.loop_start()
        self._client = client

    def go(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Say something if there is a broker; False when there is none."""
        if self._client is None or not self._client.is_connected():
            return False
        self._client.publish(topic, payload, 1, retain)
        return True

    def _received(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        device, _, leaf = message.topic.removeprefix(f"{ROOT}/").partition("/")
        take = {"data": self._data, "state": self._state, "health": self._health}.get(leaf)
        try:
            with self._lock:
                if take is not None:
                    take(device, json.loads(message.payload))
                elif leaf.startswith("res/"):
                    self._answered(device, json.loads(message.payload))
                elif leaf == "status" and message.payload:
                    self.status[device] = json.loads(message.payload)["state"]
                elif leaf == "model":
                    self.stories.setdefault(device, []).append(json.loads(message.payload)["state"])
        except Exception as error:  # it would end paho's thread in silence
            self.problems.append(f"{message.topic}: {error!r}")

    def _data(self, device: str, told: dict[str, Any]) -> None:
        for record in told["records"]:
            account = self.accounts.setdefault((device, record["epoch"]), Account())
            seq, says = record["seq"], content(record)
            account.reach(seq, seq)
            account.at_ms = (account.at_ms[0] or record["ts_ms"], record["ts_ms"])
            if seq in account.received.had:
                self.repeats += 1
                if account.contents[seq] != says:
                    self.conflicts.append(f"{device} {record['epoch']} {seq}")
            account.received.had.add(seq)
            account.contents[seq] = says
            if record["score"] is not None:
                self.judging.add(device)
            account.received.gone.pop(seq, None)

    def _state(self, device: str, record: dict[str, Any]) -> None:
        at = (device, record["epoch"])
        self.live[at] = max(self.live.get(at, 0), record["seq"])

    def _health(self, device: str, told: dict[str, Any]) -> None:
        """How far we should have come, in this epoch and in those before it."""
        for epoch, first, last in told["journal"].get("epochs", []):
            self.accounts.setdefault((device, epoch), Account()).reach(first, last)
        account = self.accounts.get((device, told["epoch"]))
        if account is not None and account.first:
            account.reach(account.first, told["journal"]["sent_seq"])

    def _answered(self, device: str, told: dict[str, Any]) -> None:
        errand = self._errands.get(device)
        if errand is None or told["request"] != errand.request:
            return
        self.answers += 1
        gone = self.accounts[device, errand.epoch].received
        for (first, last), cause in zip(told.get("gone", []), told.get("causes", []), strict=True):
            gone.gone.update((seq, cause) for seq in range(first, last + 1) if seq not in gone.had)
        del self._errands[device]
        self._noticed[device] = time.monotonic()  # what was sent may still be on its way

    def look(self) -> None:
        """Ask for what has been missing for a while: one request a device at a time."""
        if self._client is None:
            return
        with self._lock:
            now = time.monotonic()
            for device in {device for device, _ in self.accounts}:
                errand = self._errands.get(device)
                if errand is not None and now < errand.until:
                    continue
                self._errands.pop(device, None)
                self._ask(device, now)

    def _ask(self, device: str, now: float) -> None:
        for (whose, epoch), account in self.accounts.items():
            if whose != device or not (lacking := account.missing()):
                continue
            if now >= self._noticed.setdefault(device, now) + GRACE_S:
                last = min(lacking[-1], lacking[0] + MOST - 1)
                request = uuid.uuid4().hex
                wish = {"v": 1, "request": request, "epoch": epoch, "from": lacking[0], "to": last}
                if self.publish(f"{ROOT}/{device}/cmd/resend", json.dumps(wish).encode()):
                    self.asked += 1
                    self._errands[device] = Errand(request, epoch, now + ANSWER_S)
            return
        self._noticed.pop(device, None)

    def lacks(self) -> int:
        """How many records are missing, as far as is known here."""
        with self._lock:
            return sum(len(account.missing()) for account in self.accounts.values())
