"""The models' thread, and what becomes of the memory when the agent ends or the room is another one."""

import json
import signal
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import paho.mqtt.publish
import pytest

from edge.bundle.bundle import unpack
from edge.bundle.default import default_content
from edge.swap.desk import Desk
from edge.swap.loaded import Loaded
from edge.swap.memories import FILE, Memories
from edge.swap.store import ModelStore
from edge.swap.updates import Updates
from tests.brokers import Broker, mosquitto
from tests.edge.test_agent import DEADLINE_S, agent, subscriber
from tests.edge.test_memory import House, newest, some


@pytest.mark.parametrize("busy", [False, True])
def test_the_end_writes_no_memory_while_the_models_thread_may(tmp_path: Path, busy: bool) -> None:
    bundle, store = unpack(default_content(), "default"), ModelStore(tmp_path)
    judge = SimpleNamespace(memory=lambda _: some(bundle), expecting=False)
    opening = SimpleNamespace(store=store, memories=Memories(store))
    rest: dict[str, Any] = dict.fromkeys(("file", "story", "trial", "lessons"))
    desk = cast(Desk, SimpleNamespace(opening=opening, judge=judge, **rest))
    updates, done = Updates(desk, Loaded(bundle, default_content())), threading.Event()
    if busy:
        updates._warm_up = done.wait  # type: ignore[method-assign, assignment]
    updates.start(warm=busy)
    updates.stop()
    assert (tmp_path / FILE).exists() != busy
    done.set()


def tell(broker: Broker, order: dict[str, Any]) -> None:
    topic, payload = "picanary/v1/cellar/cmd/recalibrate", json.dumps({"v": 1, **order})
    paho.mqtt.publish.single(topic, payload, qos=1, port=broker.port)


def test_a_device_that_is_asked_to_learn_its_room_anew_forgets_the_levels_of_the_one_before(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    house.record_the_past()
    with mosquitto() as broker:
        where = ["--config", house.config, "--broker", f"127.0.0.1:{broker.port}", "--commit-s", 0.2]
        with subscriber(broker) as heard, agent(tmp_path, *where) as process:
            heard.wait(lambda: bool(heard.records()) and newest(heard)["score"] is not None)
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE_S)
        memory = house.learnt()
        memory["raised"]["vapour"] = 0.3
        (house.models / FILE).write_text(json.dumps(memory))
        with subscriber(broker) as heard, agent(tmp_path, *where) as process:
            heard.wait(lambda: bool(heard.records()) and newest(heard)["score"] is not None)
            tell(broker, {"request": "again-1"})
            heard.wait(lambda: not (house.models / FILE).exists())
            tell(
                broker, {"request": "as-is-1", "level": 1.0}
            )  # is written down once the new one has taken over
            heard.wait((house.models / FILE).exists)
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE_S)
    assert house.learnt()["raised"]["vapour"] < 0.2
