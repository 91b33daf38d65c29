"""Row 38: the will of an old session comes after the device's new birth."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.brokers import Broker, mosquitto
from tests.edge.faults.proxy import proxy
from tests.edge.faults.quick_rooms import quick_room
from tests.edge.test_agent import DEADLINE_S, agent, subscriber
from tests.monitor.running import monitor, until

STATUS = "picanary/v1/cellar/status"
OLD = "0123456789abcdef"
LATE_S = 2


@contextmanager
def old_session(broker: Broker) -> Iterator[socket.socket]:
    """The connection of an agent that was, whose will the broker holds back for two seconds."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "an-old-agent", protocol=paho.MQTTv5)
    late = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
    late.WillDelayInterval = LATE_S
    lasts = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    lasts.SessionExpiryInterval = 60  # a will is not held back beyond its session
    will = json.dumps({"v": 1, "state": "offline", "session": OLD}).encode()
    client.will_set(STATUS, will, qos=1, retain=True, properties=late)
    there = threading.Event()
    client.on_connect = lambda *_: there.set()
    client.connect("127.0.0.1", broker.port, properties=lasts)
    client.loop_start()
    assert there.wait(DEADLINE_S)
    client.loop_stop()  # it only holds the socket now
    wire = client.socket()
    assert isinstance(wire, socket.socket)
    try:
        yield wire
    finally:
        wire.close()


def test_row_38_a_late_will_of_an_old_session_leaves_the_device_online(tmp_path: Path) -> None:
    with (
        mosquitto() as broker,
        subscriber(broker) as heard,
        monitor(broker, tmp_path / "monitor.db") as (_, client),
        old_session(broker) as wire,
    ):
        presences: set[str] = set()

        def asked() -> bool:
            """The monitor is asked on each message that comes."""
            answer = client.get("/api/devices/cellar")
            presences.add(answer.json()["presence"] if answer.status_code == 200 else "unheard")
            return True

        with agent(tmp_path, *quick_room(tmp_path, broker.port)):
            until(lambda: asked() and "online" in presences, DEADLINE_S)
            presences.clear()
            wire.close()  # the broker notices, and will tell in two seconds
            heard.wait(lambda: asked() and bool(late_will(heard.of("status"))))
            newest = max(heard.records())
            heard.wait(lambda: asked() and max(heard.records()) > newest + 20)
            assert presences == {"online"}
            # a consumer that knows no session, and one that comes later, need the last word to be true
            heard.wait(lambda: heard.of("status")[-1]["state"] == "online")
            with subscriber(broker) as later:
                later.wait(lambda: bool(later.of("status")))
                assert later.of("status")[0]["state"] == "online"


def late_will(told: list[dict[str, str]]) -> list[dict[str, str]]:
    return [status for status in told if status["session"] == OLD]


def test_row_38_a_restarted_agent_whose_old_link_is_half_open_stays_online(tmp_path: Path) -> None:
    with mosquitto() as broker, subscriber(broker) as heard, proxy(broker.port) as way:
        with agent(tmp_path, *quick_room(tmp_path, way.port)) as process:
            heard.wait(lambda: bool(heard.records()))
            way.stall()
            process.kill()
            process.wait(DEADLINE_S)
        with agent(tmp_path, *quick_room(tmp_path, broker.port)):
            heard.wait(lambda: len({status["session"] for status in heard.of("status")}) == 2)
            way.flow()  # what the broker now hears of the old link is late as well
            newest = max(heard.records())
            heard.wait(lambda: max(heard.records()) > newest + 20)
            heard.wait(lambda: heard.of("status")[-1]["state"] == "online")
            assert heard.of("status")[-1]["session"] == heard.of("info")[-1]["session"]
