"""Rows 12 and 37: a broker that says no, or that has a client of our name, is tried again a minute later.

All of it runs side by side, since each waits for that minute.
"""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker, mosquitto
from tests.edge.connections import Log, connection
from tests.edge.faults.journals import count, wait_for
from tests.edge.faults.proxy import Proxy, proxy
from tests.edge.test_agent import Subscriber, agent, schema, subscriber

SLOW_S = 60.0
PATIENCE_S = 150.0
ROOM = ["--source", "simulator", "--speed", 50, "--bundle", "none", "--commit-s", 0.2]


@dataclass(frozen=True)
class Scene:
    """What goes on: agents that a broker does not let in, and two of one name at another."""

    strict: Broker
    passwords: Path
    ways: dict[str, Proxy]  # of the strangers
    folder: Path
    shared: Broker
    both: Proxy
    heard: Subscriber
    twins: list[Any]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("slow")
    passwords = folder / "passwords"
    allow(passwords, cellar="right", reader="books")
    with ExitStack() as stack:
        strict = stack.enter_context(mosquitto(f"allow_anonymous false\npassword_file {passwords}"))
        ways = {name: stack.enter_context(proxy(strict.port)) for name in ("wrong", "anonymous")}
        for name, way in ways.items():
            stack.enter_context(
                agent(folder_of(folder, name), *ROOM, "--config", settings(folder, name, way))
            )
        shared = stack.enter_context(mosquitto())
        both = stack.enter_context(proxy(shared.port))
        heard = stack.enter_context(subscriber(shared))
        twins = []
        for name in ("one", "two"):
            where = settings(folder, name, both)
            twins.append(stack.enter_context(agent(folder_of(folder, name), *ROOM, "--config", where)))
            heard.wait(lambda twins=twins: len(epochs(heard)) == len(twins))
        yield Scene(strict, passwords, ways, folder, shared, both, heard, twins)


def allow(passwords: Path, **secrets: str) -> None:
    passwords.write_text("".join(f"{name}:{secret}\n" for name, secret in secrets.items()))
    passwords.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)


def folder_of(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir(exist_ok=True)
    return made


def settings(folder: Path, name: str, way: Proxy) -> Path:
    """A configuration file, which is what waits for a broker."""
    file, secret = folder_of(folder, name) / "edge.toml", folder / "secret"
    secret.write_text("left")
    secret.chmod(0o600)
    who = f'username = "cellar"\npassword_file = "{secret}"\n' if name == "wrong" else ""
    file.write_text(f'[broker]\naddress = "127.0.0.1:{way.port}"\nspread_s = 2.0\n{who}')
    return file


def epochs(heard: Subscriber) -> list[str]:
    """In the order in which the births came."""
    return list(dict.fromkeys(birth["epoch"] for birth in heard.of("info")))


def test_row_12_once_the_password_is_right_all_is_delivered_and_health_tells_what_was_wrong(
    scene: Scene,
) -> None:
    log = Log()
    journal = folder_of(scene.folder, "wrong") / "journal.db"
    allow(scene.passwords, cellar="left", reader="books")
    assert scene.strict.process is not None
    scene.strict.process.send_signal(signal.SIGHUP)
    with connection(scene.strict.port, log, username="reader", password="books") as reader:
        reader.subscribe("picanary/v1/cellar/health")
        reader.subscribe("picanary/v1/cellar/data")
        log.wait(lambda: "picanary/v1/cellar/health" in log.topics(), PATIENCE_S)
        health = json.loads(next(body for name, body, _ in log.messages if name.endswith("/health")))
        schema("health").validate(health)
        assert "a wrong user name or password" in health["broker"]["trouble"]["why"]
        held = count(journal)
        log.wait(lambda: had(log) >= set(range(1, held + 1)), PATIENCE_S)
    waits = [later - one for one, later in pairwise(scene.ways["wrong"].connects)]
    assert waits
    assert min(waits) >= SLOW_S


@pytest.mark.parametrize("name", ["wrong", "anonymous"])
def test_row_12_a_broker_that_says_no_is_asked_again_after_a_minute(scene: Scene, name: str) -> None:
    way, journal = scene.ways[name], folder_of(scene.folder, name) / "journal.db"
    deadline = time.monotonic() + PATIENCE_S
    while len(way.connects) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert all(later - one >= SLOW_S for one, later in pairwise(way.connects))
    wait_for(journal, records=100)  # nothing that the broker says stops the readings


def test_row_37_two_of_one_name_report_it_and_turn_each_other_out_once_a_minute_at_most(scene: Scene) -> None:
    heard = scene.heard
    one, two = epochs(heard)
    patiently(heard, lambda: {event["epoch"] for event in heard.of("event")} == {one, two})
    for event in heard.of("event"):
        schema("event").validate(event)
        assert (event["state"], event["phase"]) == ("namesake", "start")
        assert "another agent with this device id has connected" in event["why"]
    # the first to know is turned out once more before it waits; the other had a right to be second
    at = scene.both.connects
    assert at[4] - at[3] >= SLOW_S
    assert len(at) <= 6
    assert all(process.poll() is None for process in scene.twins)


def patiently(heard: Subscriber, condition: Callable[[], bool]) -> None:
    with heard._changed:
        assert heard._changed.wait_for(condition, PATIENCE_S)


def had(log: Log) -> set[int]:
    batches = [json.loads(body)["records"] for name, body, _ in list(log.messages) if name.endswith("/data")]
    return {record["seq"] for batch in batches for record in batch}
