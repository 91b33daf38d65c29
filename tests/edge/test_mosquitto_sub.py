"""What a person sees who has nothing but mosquitto's own client."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.brokers import mosquitto
from tests.edge.test_agent import DEADLINE_S, agent

LINES = 40


def test_mosquitto_sub_shows_topics_that_a_person_can_read(tmp_path: Path) -> None:
    if shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto_sub is not installed: apt-get install mosquitto-clients")
    room = ["--source", "simulator", "--bundle", "none", "--speed", 100, "--commit-s", 0.2]
    with mosquitto() as broker:
        command = ["mosquitto_sub", "-v", "-p", str(broker.port), "-t", "#", "-C", str(LINES)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener,
            agent(tmp_path, *room, "--broker", f"127.0.0.1:{broker.port}"),
        ):
            said, _ = listener.communicate(timeout=DEADLINE_S)
    lines = [line.split(" ", 1) for line in said.splitlines()]
    assert len(lines) == LINES, "a message is one line"
    seen = {}
    for topic, payload in lines:
        if topic.startswith("picanary/"):
            seen[topic] = json.loads(payload)
    assert {
        f"picanary/v1/cellar/{leaf}" for leaf in ("status", "info", "state", "data", "health")
    } <= seen.keys()
    state = seen["picanary/v1/cellar/state"]
    assert {"temperature_c", "humidity_pct", "ts_ms", "q"} <= state.keys()
    assert seen["picanary/v1/cellar/info"]["device"] == "cellar"
