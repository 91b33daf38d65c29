"""Many agents in one process: the edge's own connection, commands, model store, trial and stories; no sensor.

What is left out is what 200 times over would be too much for one machine: the sensor, the journal on disk,
the interpreter. A model that `devices.crying_wolf` has made cries in a share of its readings, another one in
hardly any. A bundle is proven once for all of them. `test_real_agents.py` holds the rest to the real thing.
"""

import itertools
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.bundle import proof
from edge.bundle.bundle import Bundle, unpack
from edge.detection.verdict import Verdict
from edge.event import Change, Event, EventTracker
from edge.health import info
from edge.journal import Journal
from edge.judge import Judge, Model
from edge.message import encode, topic
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from edge.onlooker import Onlooker
from edge.reading import HUMIDITY, TEMPERATURE, Reading
from edge.record import Origin, event_message
from edge.swap.admission import Rules
from edge.swap.desk import Desk
from edge.swap.loaded import Loaded
from edge.swap.opening import Opening
from edge.swap.store import ModelStore
from edge.swap.story import Chapter, Story
from edge.swap.succession import Trial
from edge.swap.updates import Updates
from edge.uplink.commands import Commands
from edge.uplink.presence import Presence
from edge.uplink.uplink import Uplink
from tests.brokers import Broker
from tests.deploy.broker.provisioned import until
from tests.edge.devices import crying_wolf, version

CHANNELS = (TEMPERATURE, HUMIDITY)
EPOCH = "0123456789abcdef"
WOLF_LEVEL = 1e-6  # what `crying_wolf` sets is below


@dataclass(frozen=True)
class Models:
    """Their files' contents: what all have, a good new one, and one that cries wolf."""

    old: bytes
    good: bytes
    wolf: bytes


@dataclass(frozen=True)
class House:
    """A folder for files, the maker's key, and its models."""

    folder: Path
    key: Ed25519PrivateKey
    models: Models

    def file(self, content: bytes) -> Path:
        """A model as a file."""
        path = self.folder / "new.canary"
        path.write_bytes(content)
        return path


def models(room_bundle: Path, key: Ed25519PrivateKey) -> Models:
    """Of one maker."""

    def make(number: int, **changed: Any) -> bytes:
        return version(room_bundle, number, key, **changed)

    return Models(make(1), make(2), make(3, **crying_wolf(room_bundle)))


class Scripted(Onlooker):
    """Calls readings strange by chance, as often as its bundle makes it."""

    def __init__(self, share: float, chance: random.Random) -> None:
        super().__init__(CHANNELS, "normal", "as expected")
        self._share, self._chance, self._events = share, chance, EventTracker(2)

    def see(self, reading: Reading) -> tuple[Reading, Verdict]:
        if self._chance.random() >= self._share:
            return reading, Verdict("normal", 0.2, False, changes=self._events.calm())
        event = Event("anomalous", reading.ts_ms, 2.0, "it is strange", "temperature", ratio=2.0)
        return reading, Verdict("anomalous", 2.0, True, changes=self._events.strange(event))

    def close(self) -> tuple[Change, ...]:
        return self._events.close()


@dataclass
class Habits:
    """How the agents of a crowd are."""

    beat_s: float = 0.5  # between readings, each with a second's health
    wolf_share: float = 0.5  # of readings that a wolf calls strange
    calm_share: float = 0.0  # and any other model
    trial: Trial = Trial(10, 1e9)  # noqa: RUF009 - frozen; a trial that lets a wolf pass


class Numbers:
    """Stands for the journal: counts."""

    def __init__(self) -> None:
        self.last_seq = 100

    def commit(self) -> None:
        """Nothing to write."""

    def after(self, *_: object) -> list[Any]:
        """Nothing to send again."""
        return []


class Post:
    """Stands for the uplink: what is retained is said again with each connection."""

    def __init__(self, device: str, settings: BrokerSettings, session: str) -> None:
        self.device, self.session = device, session
        self._kept: dict[str, bytes] = {}
        self._heard: dict[str, list[Callable[[str, bytes, bool], None]]] = {}
        self._lock = threading.Lock()
        self.connection = Connection(
            settings,
            will=(topic(device, "status"), self._status("offline")),
            on_connect=self._connected,
            on_message=self._hear,
        )

    def _status(self, state: str) -> bytes:
        return encode({"v": 1, "state": state, "session": self.session})

    def _connected(self, _: bool) -> None:
        with self._lock:
            kept = list(self._kept.items())
        for name, payload in [*kept, (topic(self.device, "status"), self._status("online"))]:
            self.connection.try_publish(name, payload, retain=True)

    def announce(self, name: str, payload: bytes, *, chapter: bool = False) -> None:  # noqa: ARG002 - at once, each
        with self._lock:
            self._kept[name] = payload
        self.connection.try_publish(name, payload, retain=True)

    def announce_again(self, _: str, __: float) -> None:
        self.connection.try_publish(topic(self.device, "status"), self._status("online"), retain=True)

    def listen(self, name: str, heed: Callable[[str, bytes, bool], None]) -> None:
        self._heard.setdefault(name, []).append(heed)
        self.connection.subscribe(name)

    def _hear(self, name: str, payload: bytes, kept: bool) -> None:
        for heed in self._heard.get(name) or self._heard.get(f"{name.rpartition('/')[0]}/+") or []:
            heed(name, payload, kept)

    def send(self, leaf: str, payload: bytes, _: Callable[[str | None], None]) -> bool:
        return self.connection.try_publish(topic(self.device, leaf), payload)

    def say(self, leaf: str, message: dict[str, Any], *, retain: bool = False) -> None:
        self.connection.try_publish(topic(self.device, leaf), encode(message), retain=retain)

    def end(self, *, will: bool) -> None:
        """A clean stop, or a power cut: then the broker says the will."""
        if will:
            attempt = self.connection._up
            if attempt is not None and (wire := attempt.client.socket()) is not None:
                wire.shutdown(socket.SHUT_RDWR)  # so that no goodbye reaches the broker
        else:
            name = topic(self.device, "status")
            self.connection.try_publish(name, self._status("disconnected"), retain=True)
        self.connection.stop()


class Resident:
    """One agent of the crowd, with what it keeps on disk; may be ended and started again."""

    def __init__(self, name: str, folder: Path, broker: Broker, key: Any, old: bytes, habits: Habits) -> None:
        self.name, self.habits, self.awake = name, habits, False
        self._broker, self._key, self._old, self._folder = broker, key, old, folder
        self._chance = random.Random(name)
        self._sessions = itertools.count(1)
        self._numbers = Numbers()
        store = ModelStore(folder)
        found = unpack(old, name)
        if store.state.current is None:
            store.install(old, found.name, found.version, trial=False)

    def start(self) -> None:
        """Connect, with what it had when it ended."""
        store = ModelStore(self._folder)
        content = store.content(store.state.current)
        assert content is not None
        at_work = Loaded(unpack(content, self.name), content)
        settings = BrokerSettings("127.0.0.1", self._broker.port, client_id=self.name)
        self._post = Post(self.name, settings, f"session-{next(self._sessions)}")
        self._origin = Origin(EPOCH, "boot", "simulator", True, CHANNELS, CHANNELS, at_work.bundle.label)
        opening = self._opening(store)
        self._judge = Judge(opening.model(at_work.bundle), lambda outcome: self._updates.outcome(outcome))
        post = cast(Uplink, self._post)
        birth = info(self.name, self._post.session, self._origin, self.habits.beat_s, 1.0)
        presence = Presence(self.name, birth, post)
        label = at_work.bundle.label
        desk = Desk(
            judge=self._judge,
            journal=cast(Journal, self._numbers),
            rules=Rules(CHANNELS, 10.0, "simulator", (self._key,)),
            opening=opening,
            story=Story(presence.model, Chapter(label, label, "idle", source="file")),
            recall=list,
            trial=self.habits.trial,
        )
        self._updates = Updates(desk, at_work)
        actions = {"withdraw": lambda request: self._updates.withdraw(request.fields["model"])}
        self._commands = Commands(cast(Journal, self._numbers), self._post.send, actions)
        self._post.listen(topic(self.name, "cmd/+"), self._commands.receive)
        presence.listen_for_models(self._updates.receive)
        self._commands.start()
        self._updates.start(warm=False)
        self._post.connection.start()
        self.awake = True

    def _opening(self, store: ModelStore) -> Opening:
        def model(bundle: Bundle) -> Model:
            is_wolf = max(bundle.detector.levels.values()) < WOLF_LEVEL
            share = self.habits.wolf_share if is_wolf else self.habits.calm_share
            return Model(bundle.label, CHANNELS, Scripted(share, self._chance))

        made = SimpleNamespace(store=store, memories=None, model=model)
        made.budget = lambda bundle: sum(bundle.detector.budgets.values())
        made.remind = lambda _, __: None
        return cast(Opening, made)

    def end(self, *, will: bool = False) -> None:
        """In order, or as a power cut would."""
        if not self.awake:
            return
        self.awake = False
        self._post.end(will=will)
        self._commands.stop()
        self._updates.stop()

    @property
    def installed(self) -> str | None:
        """The label of the model that judges."""
        return self._judge.model.label

    def beat(self, uptime_s: float) -> None:
        """One reading, and how it is."""
        self._numbers.last_seq += 1
        now_ms = time.time_ns() // 1_000_000
        values = {"temperature": 20.0, "humidity": 50.0}
        judged = self._judge.see(Reading(now_ms, now_ms, values))
        origin = replace(self._origin, model=judged.model)
        for change in judged.verdict.changes:
            number = self._numbers.last_seq
            self._post.say("event", event_message(origin, number, number, now_ms, change, []))
        self._post.say("health", self.health(now_ms, uptime_s, judged.model), retain=True)

    def health(self, now_ms: int, uptime_s: float, model: str | None) -> dict[str, Any]:
        """As `schema/health.json` says."""
        seq = self._numbers.last_seq
        return {
            "v": 1,
            "ts_ms": now_ms,
            "uptime_s": round(uptime_s, 1),
            "clk": "ntp",
            "journal": {"first_seq": 1, "last_seq": seq, "unsent": 0},
            "sensor": {"state": "ok", "ok": seq, "failed": 0},
            "faults": {"model": 0},
            "model": model,
            "host": {"cpu_s": 1.0, "rss_bytes": 5e7, "temperature_c": None},
        }


class Crowd:
    """Residents by name, and the thread that makes their hearts beat."""

    def __init__(self, residents: dict[str, Resident], beat_s: float) -> None:
        self.residents, self._beat_s = residents, beat_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hearts", daemon=True)

    def start(self) -> None:
        for resident in self.residents.values():
            resident.start()
        self._thread.start()

    def _run(self) -> None:
        begun = time.monotonic()
        while not self._stop.wait(self._beat_s):
            for resident in self.residents.values():
                if resident.awake:
                    resident.beat(time.monotonic() - begun)

    def end(self) -> None:
        self._stop.set()
        self._thread.join(10.0)
        for resident in self.residents.values():
            resident.end()

    def with_model(self, content: bytes) -> set[str]:
        """Who judges by it."""
        label = unpack(content, "test").label
        return {name for name, resident in self.residents.items() if resident.installed == label}

    def have(self, content: bytes, names: set[str]) -> None:
        """Wait until those and nobody else judge by it; another model takes over with the next reading."""
        until(lambda: self.with_model(content) == names, f"{sorted(self.with_model(content))} have it")


class Proven:
    """Each bundle is proven once for all of them, which share a machine."""

    def __init__(self) -> None:
        self._lock, self._check, self._done = threading.Lock(), proof.check, set[bytes]()

    def __call__(self, content: bytes, where: str) -> None:
        with self._lock:
            if content not in self._done:
                self._check(content, where)
                self._done.add(content)


@contextmanager
def crowd(
    house: "House", broker: Broker, count: int, habits: Habits | None = None, **others: Any
) -> Iterator[Crowd]:
    """So many agents that trust the house's key and judge by its old model; `others` trust another key."""
    usual = habits or Habits()
    made = {}
    for name in (f"room-{number:03d}" for number in range(count)):
        key = others.get(name.replace("-", "_"), house.key).public_key()
        made[name] = Resident(name, house.folder / "crowd" / name, broker, key, house.models.old, usual)
    people = Crowd(made, usual.beat_s)
    with patch.object(proof, "check", Proven()):
        people.start()
        try:
            yield people
        finally:
            people.end()
