"""What a user would pick instead of the agent: how each is started, and how its records are told apart."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.agent_process import agent_command
from tests.bench.workplace import ROOT, Workplace
from tests.brokers import Broker

EVERY_S = 2.0
COLLECTD = """
Hostname "bench"
FQDNLookup false
BaseDir "{folder}"
PIDFile "{folder}/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
Interval {every:g}
LoadPlugin table
LoadPlugin mqtt
<Plugin table>
  <Table "{sensor}/in_temp_input">
    Instance "room"
    Separator " "
    <Result>
      Type gauge
      InstancePrefix "temperature"
      ValuesFrom 0
    </Result>
  </Table>
</Plugin>
<Plugin mqtt>
  <Publish "bench">
    Host "127.0.0.1"
    Port {port}
    ClientId "rival-collectd"
    Prefix "rival/collectd"
    QoS 1
  </Publish>
</Plugin>
"""
SHELL = (
    "n=0; while :; do n=$((n+1)); read -r t <{sensor}/in_temp_input; "
    'echo "{{\\"n\\":$n,\\"temperature\\":$t}}"; sleep {every:g}; done '
    "| mosquitto_pub -p {port} -q 1 -i rival-shell -t rival/shell -l"
)


@dataclass(frozen=True, slots=True)
class Client:
    """Something that takes readings and publishes them."""

    name: str
    topic: str  # part of the topic of its first word
    command: Callable[[Workplace, Broker, Path], list[str]]
    records: Callable[[str, bytes], list[int]]  # numbers of the records in a message
    step: int = 1  # from one record's number to the next
    publisher: str | None = None  # the name of the process that publishes, where it is not the first


def clients() -> list[Client]:
    """The agent and its rivals, as far as they are installed."""
    found = [
        Client("picanary", "picanary/v1/bench/state", _agent, _of_agent),
        Client("paho loop with the interpreter", "rival/loop", _loop, _of_json),
    ]
    if _collectd():
        found.append(Client("collectd, mqtt plugin", "rival/collectd", _collectd_command, _of_time, 2))
    if shutil.which("mosquitto_pub"):
        found.append(
            Client("shell loop, mosquitto_pub -l", "rival/shell", _shell, _of_json, publisher="mosquitto_pub")
        )
    return found


def _agent(place: Workplace, broker: Broker, _: Path) -> list[str]:
    return agent_command(place.fresh("agent"), every_s=EVERY_S, bundle=place.bundle, broker=broker)


def _of_agent(topic: str, payload: bytes) -> list[int]:
    return [each["seq"] for each in json.loads(payload)["records"]] if topic.endswith("bench/data") else []


def _loop(place: Workplace, broker: Broker, sensor: Path) -> list[str]:
    script = ROOT / "tests/bench/rival_loop.py"
    return [sys.executable, str(script), str(broker.port), str(place.bundle), str(sensor), str(EVERY_S)]


def _of_json(topic: str, payload: bytes) -> list[int]:
    return [json.loads(payload)["n"]]


def _collectd() -> str | None:
    return shutil.which("collectd") or shutil.which("collectd", path="/usr/sbin")


def _collectd_command(place: Workplace, broker: Broker, sensor: Path) -> list[str]:
    folder = place.fresh("collectd")
    settings = folder / "collectd.conf"
    settings.write_text(COLLECTD.format(folder=folder, every=EVERY_S, sensor=sensor, port=broker.port))
    return [_collectd() or "collectd", "-f", "-C", str(settings)]


def _of_time(topic: str, payload: bytes) -> list[int]:
    """collectd numbers nothing; its times are a multiple of the interval apart."""
    return [round(float(payload.split(b":")[0]))]


def _shell(place: Workplace, broker: Broker, sensor: Path) -> list[str]:
    return ["sh", "-c", SHELL.format(sensor=sensor, every=EVERY_S, port=broker.port)]
