"""A device without a model of its own: from its first reading to its first verdict, and anew on demand."""

import json
import signal
from pathlib import Path

import paho.mqtt.publish

from tests.brokers import mosquitto
from tests.edge.test_agent import DEADLINE_S, agent, subscriber


def test_a_new_device_warms_up_judges_and_learns_again_when_asked(tmp_path: Path) -> None:
    with mosquitto() as broker, subscriber(broker) as heard:
        where = ["--broker", f"127.0.0.1:{broker.port}", "--commit-s", 0.5]

        def models() -> list[str]:
            return list(dict.fromkeys(state["model"] for state in heard.of("state")))

        with agent(tmp_path, "--source", "simulator", "--speed", 2000, *where) as process:
            heard.wait(lambda: bool(heard.of("data")))
            first = heard.records()[1]
            assert (first["state"], first["score"], first["anomaly"]) == ("warming", None, None)
            assert "6 hours of readings" in first["why"]
            heard.wait(lambda: len(models()) > 1)
            learnt = models()[-1]
            assert learnt.startswith(f"{first['model']}+0.")
            heard.wait(lambda: heard.of("state")[-1]["state"] in ("normal", "anomalous"))
            ask = json.dumps({"v": 1, "request": "again-1"})
            paho.mqtt.publish.single("picanary/v1/cellar/cmd/recalibrate", ask, qos=1, port=broker.port)
            heard.wait(lambda: len(models()) > 2)
            assert models()[-1].startswith(f"{first['model']}+0.")
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0
        assert (tmp_path / "journal.models" / "settled.json").is_file()
