"""Somebody who sends commands to the agent `cellar` and keeps its answers, as a user would with paho."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho

from tests.brokers import Broker
from tests.edge.test_agent import DEADLINE_S, schema

HERE = "picanary/v1/cellar"


class Caller:
    """Commands out, answers and records in."""

    def __init__(self, port: int) -> None:
        self.answers: list[dict[str, Any]] = []
        self.again: list[dict[str, Any]] = []  # `data` messages that were asked for
        self.health: list[dict[str, Any]] = []
        self.births = 0
        self.newest = 0  # the highest number of a record
        self._changed = threading.Condition()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.on_message = self._received
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_connect = lambda client, *_: client.subscribe(f"{HERE}/#", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(DEADLINE_S)

    def _received(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        leaf = message.topic.removeprefix(f"{HERE}/")
        if leaf.startswith("cmd/") or leaf == "model/set":
            return
        payload = json.loads(message.payload)
        with self._changed:
            if leaf.startswith("res/"):
                schema("response").validate(payload)
                assert leaf == f"res/{payload['request']}"
                assert not message.retain
                self.answers.append(payload)
            elif leaf == "data":
                schema("data").validate(payload)
                self.newest = max(self.newest, payload["records"][-1]["seq"])
                if payload.get("hist"):
                    self.again.append(payload)
            elif leaf == "health":
                self.health.append(payload)
            self.births += leaf == "info"
            self._changed.notify_all()

    def raw(self, command: str, payload: bytes, *, retain: bool = False) -> None:
        """Any bytes as that command."""
        self._client.publish(f"{HERE}/cmd/{command}", payload, 1, retain)

    def call(self, command: str, request: str, **fields: Any) -> None:
        """A command with these fields, whatever they are."""
        self.raw(command, json.dumps({"v": 1, "request": request, **fields}).encode())

    def ask(self, command: str, request: str, **fields: Any) -> dict[str, Any]:
        """A command that keeps to the schema, and its answer."""
        schema("command").validate({"v": 1, "request": request, **fields})
        self.call(command, request, **fields)
        return self.answer(request)

    def answer(self, request: str) -> dict[str, Any]:
        """The answer to that request, once it is there."""
        self.wait(lambda: bool(self.answers_to(request)))
        return self.answers_to(request)[0]

    def answers_to(self, request: str) -> list[dict[str, Any]]:
        return [one for one in self.answers if one["request"] == request]

    def wait(self, condition: Any) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, DEADLINE_S), self.answers[-20:]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def caller(broker: Broker) -> Iterator[Caller]:
    made = Caller(broker.port)
    try:
        yield made
    finally:
        made.close()
