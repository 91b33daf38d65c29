"""What each kind of fault does to the world, and how it is undone."""

import json
import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.bundle.bundle import load, pack
from edge.bundle.default import default_content
from edge.bundle.keys import generate
from tests.edge.faults.disks import fill
from tests.soak.account import peek
from tests.soak.consumer import ROOT
from tests.soak.plan import Injection
from tests.soak.world import AGENTS, STOP_S, Kill, World

Undo = Callable[[], None]
_versions = iter(range(2, 1_000_000))


def inject(world: World, injection: Injection) -> Undo:
    """Let it happen; returns what ends it."""
    name, chance = injection.kind.name, random.Random(injection.seed)
    for begin, act in _ACTS.items():
        if name.startswith(begin):
            return act(world, name, chance)
    raise LookupError(name)


def _broker(world: World, name: str, chance: random.Random) -> Undo:
    broker = world.broker
    if "frozen" in name:
        assert broker.process is not None
        broker.process.send_signal(signal.SIGSTOP)
        return lambda: broker.process.send_signal(signal.SIGCONT) if broker.process else None
    broker.stop() if "in order" in name else broker.kill()

    def back() -> None:
        if "empty" in name:
            for file in (world.folder / "broker").iterdir():
                file.unlink()
        world.persistence("without persistence" not in name)
        broker.start()

    return back


def _line(world: World, name: str, chance: random.Random) -> Undo:
    line = world.agents_line if name.startswith("agents") else world.monitors_line
    if name.endswith("line reset"):
        line.reset()
        return lambda: None
    if "reset every" in name:
        line.reset_every(3.0)
        return lambda: line.reset_every(None)
    if "stalls" in name:
        line.stall()
        return line.flow
    if "out" in name:
        line.refuse()
        return line.accept
    line.rate, line.delay_s, line.loss = 1000.0 * chance.uniform(2, 20), chance.uniform(0.05, 0.5), 0.05

    def fast() -> None:
        line.rate, line.delay_s, line.loss = None, 0.0, 0.0

    return fast


def _agent(world: World, name: str, chance: random.Random) -> Undo:
    agent = world.agents["cellar"]
    if "restart" in name:
        ask = {"v": 1, "request": f"restart-{chance.getrandbits(40)}"}
        world.consumer.publish(f"{ROOT}/cellar/cmd/restart", json.dumps(ask).encode())
        return lambda: None
    if "SIGTERM" in name:
        agent.terminate(STOP_S)
        return agent.start
    if not agent.running:
        return lambda: None
    agent.kill()
    _note_kill(world, "cellar", 1000.0 * time.time())
    return agent.start


def _note_kill(world: World, device: str, killed_ms: float) -> None:
    found = peek(world.journal(device))
    if not found.records:
        return
    kept = max(found.records)
    epoch = found.records[kept].split()[0]
    seen = world.consumer.live.get((device, epoch), 0)
    full = world.was_full(device, killed_ms, killed_ms)
    world.kills.append(Kill(epoch, kept, seen, (killed_ms - found.newest_ms) / 1000.0, full))


def _disk(world: World, name: str, chance: random.Random) -> Undo:
    device = name.partition("'")[0]
    world.note_full(device, True)
    filler = fill(world.disks[device])

    def room() -> None:
        filler.unlink()
        world.note_full(device, False)

    return room


def _monitor(world: World, name: str, chance: random.Random) -> Undo:
    monitor = world.monitors["hall"]
    monitor.terminate(STOP_S) if "SIGTERM" in name else monitor.kill()
    return monitor.start


def _consumer(world: World, name: str, chance: random.Random) -> Undo:
    world.consumer.go()
    return world.consumer.come


def _epoch(world: World, device: str, chance: random.Random) -> str:
    known = [epoch for whose, epoch in world.consumer.accounts if whose == device]
    return chance.choice([*known, "0123456789abcdef"])


def _good_commands(world: World, name: str, chance: random.Random) -> Undo:
    for device in AGENTS:
        first = chance.randrange(1, 5000)
        stretch = {"epoch": _epoch(world, device, chance), "from": first, "to": first + 300}
        some: dict[str, dict[str, object]] = {
            "resend": stretch,
            "identify": {},
            "snooze": {"minutes": chance.randrange(3)},
        }
        for command, fields in {**some, "recalibrate": {}}.items():
            ask = {"v": 1, "request": f"good-{chance.getrandbits(60)}", **fields}
            world.consumer.publish(f"{ROOT}/{device}/cmd/{command}", json.dumps(ask).encode())
    return lambda: None


def _hostile_commands(world: World, name: str, chance: random.Random) -> Undo:
    wish = {"v": 1, "epoch": "0123456789abcdef", "from": 1, "to": 2**53 - 1}
    some = [
        ("resend", json.dumps({**wish, "request": f"far-{chance.getrandbits(40)}"}).encode()),
        ("resend", json.dumps({**wish, "request": "minus", "from": -5}).encode()),
        ("resend", json.dumps({**wish, "request": "more", "file": "/etc/passwd"}).encode()),
        ("snooze", b"[" * 3000),
        ("restart", b"\xff\x00" * 100),
        ("restart", b" " * 1_000_000),
        ("format", b"{}"),
    ]
    for device in AGENTS:
        at = f"{ROOT}/{device}/cmd"
        for command, payload in chance.sample(some, 4):
            world.consumer.publish(f"{at}/{command}", payload)
        for number in range(60):
            world.consumer.publish(f"{at}/identify", json.dumps({"v": 1, "request": f"f{number}"}).encode())
        world.consumer.publish(f"{at}/restart", b'{"v":1,"request":"kept"}', retain=True)
        world.consumer.publish(f"{at}/restart", b"", retain=True)
    return lambda: None


def _offer(world: World, name: str, chance: random.Random) -> Undo:
    content = _bundle(world, next(_versions), world.key)
    if name.startswith("bad"):
        content = chance.choice(
            [
                content[:-500],
                _flipped(content, chance),
                _bundle(world, next(_versions), generate()),
                b"PK\x03\x04" + bytes(5000),
            ]
        )
    for device in AGENTS:
        world.consumer.publish(f"{ROOT}/{device}/model/set", content)
    return lambda: None


def _bundle(world: World, number: int, key: Ed25519PrivateKey) -> bytes:
    """The package's own model as another version, signed."""
    path = world.folder / "default.canary"
    if not path.exists():
        path.write_bytes(default_content())
    return pack(replace(load(path), version=number), key)


def _flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


_ACTS: dict[str, Callable[[World, str, random.Random], Undo]] = {
    "broker": _broker,
    "agents' line": _line,
    "monitors' line": _line,
    "agent ": _agent,
    "cellar's disk": _disk,
    "attic's disk": _disk,
    "monitor ": _monitor,
    "consumer": _consumer,
    "good commands": _good_commands,
    "hostile commands": _hostile_commands,
    "new bundle": _offer,
    "bad bundle": _offer,
}
