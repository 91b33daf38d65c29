"""The demo's broker: it starts, on the loopback alone, and carries a message."""

import shutil
import threading
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from deploy.children import Children
from edge.errors import MissingExtra
from edge.mqtt import local_broker

PATIENCE_S = 20.0


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
def test_a_broker_carries_a_message(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "embedded":
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    elif shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin") is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    port = local_broker.free_port()
    with Children(threading.Event()) as children:
        children.start("broker", local_broker.command(tmp_path, port), tmp_path / "log")
        children.wait("the broker's start", lambda: local_broker.answers(port), PATIENCE_S)
        assert _round_trip(port) == b"hello"
    assert local_broker.is_free(port)


def _round_trip(port: int) -> bytes:
    """Publish to ourselves; what came back."""
    came: list[bytes] = []
    done = threading.Event()

    def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        came.append(message.payload)
        done.set()

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_connect = lambda *_: client.subscribe("greeting", qos=1)
    client.on_subscribe = lambda *_: client.publish("greeting", b"hello", qos=1)
    client.on_message = on_message
    client.connect(local_broker.LOOPBACK, port)
    client.loop_start()
    try:
        assert done.wait(PATIENCE_S)
    finally:
        client.disconnect()
        client.loop_stop()
    return came[0]


def test_without_any_broker_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"pip install 'picanary\[demo\]'"):
        local_broker.command(tmp_path, 1)
