"""What a mosquitto on this computer gets from the emulated Pi: records by epoch and number."""

import json
import threading

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


class Listener:
    """Subscribes at once; counts in a thread of its own."""

    def __init__(self, port: int, device: str) -> None:
        self.records: dict[str, dict[int, dict[str, object]]] = {}
        self.status: list[str] = []
        self._came = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "image-test")
        self._client.on_connect = lambda client, *_: client.subscribe(f"picanary/v1/{device}/#", 1)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _take(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        leaf = message.topic.rsplit("/", 1)[1]
        payload = json.loads(message.payload or b"{}")
        with self._came:
            if leaf == "status":
                self.status.append(payload.get("status", str(payload)))
            elif leaf == "data":
                for record in payload["records"]:
                    self.records.setdefault(record["epoch"], {})[record["seq"]] = record
            self._came.notify_all()

    def count(self) -> int:
        """All that came."""
        return sum(len(each) for each in self.records.values())

    def wait(self, more: int, within_s: float) -> None:
        """Until so many more records came. Raises TimeoutError."""
        with self._came:
            wanted = self.count() + more
            if not self._came.wait_for(lambda: self.count() >= wanted, within_s):
                raise TimeoutError(
                    f"{wanted - self.count()} of {more} records did not come in {within_s:.0f} s"
                )

    def missing(self) -> int:
        """Numbers between the first and the last of an epoch that never came."""
        return sum(max(each) - min(each) + 1 - len(each) for each in self.records.values() if each)

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()
