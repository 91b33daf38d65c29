"""The documents say what the programs do: commands parse, links lead somewhere, the consumer works."""

import ast
import json
import queue
import re
import shlex
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge.detection.fleet import FLEET
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from tests.brokers import mosquitto
from tests.monitor.messages import EPOCH, data, health, record

ROOT = Path(__file__).parents[1]
SUBCOMMANDS = (
    "replay",
    "doctor",
    "push",
    "status",
    "card",
    "image",
    "broker",
    "rollout",
    "demo",
    "benchmark",
    "pretrain",
    "keygen",
    "inspect",
    "default",
)
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document.read_text(), re.DOTALL)


def commands() -> list[list[str]]:
    lines = [
        line
        for document in DOCUMENTS
        for block in blocks(document, "sh")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@cache
def options_of(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("words", [words for words in commands() if words[0] == "python"], ids=" ".join)
def test_a_command_of_the_documents_has_the_options_that_it_uses(words: list[str]) -> None:
    subcommand = [word for word in words[3:4] if word in SUBCOMMANDS]
    known = options_of("-m", words[2], *subcommand)
    for flag in (word for word in words if word.startswith("--")):
        assert re.search(rf"{flag}\b", known), f"{' '.join(words)}: {flag}"


def test_every_make_target_of_the_documents_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        assert set(re.findall(r"`make ([a-z-]+)", document.read_text())) <= targets
    assert {words[1] for words in commands() if words[0] == "make"} <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"(?:\]\(|src(?:set)?=\")([^)#\"]+)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_into_a_page_lead_to_a_heading(document: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", document.read_text()):
        there = document.parent / target if target else document
        headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
        # as GitHub makes anchors: small, blanks to hyphens, everything else but letters and digits gone
        assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def _said() -> str:
    """All that the programs can say, a string or a line of a script each."""
    said = [path.read_text() for path in (ROOT / "deploy").rglob("*.sh")]
    for path in (path for package in ("edge", "deploy") for path in (ROOT / package).rglob("*.py")):
        tree = ast.walk(ast.parse(path.read_text()))
        said += [
            node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
    return "\n".join(said)


def test_what_the_tables_of_trouble_quote_is_said_by_the_programs() -> None:
    trouble = (
        (ROOT / "docs/deploy.md").read_text().partition("## When it does not work")[2].partition("\n## ")[0]
    )
    quoted = [
        each
        for row in re.findall(r"^\| (.*?) \|", trouble, re.MULTILINE)
        for each in re.findall("`(.*?)`", row)
    ]
    assert len(quoted) > 20
    said = _said()
    for sentence in quoted:
        # what stands for something else, and numbers, are put in when it is said
        for piece in re.split(r"…|HOST:1883|NAME|DIR|\b[\d.]+ s\b|\d+|\S*aarch64\S*", sentence):
            assert piece.strip() in said, sentence


def test_pictures_are_small() -> None:
    for picture in [*(ROOT / "docs").glob("*.png"), *(ROOT / "docs").glob("*.svg")]:
        assert picture.stat().st_size < 300_000, picture.name


def test_the_wiring_is_drawn_as_the_table_beside_it_says() -> None:
    rows = re.findall(r"^\| .*\((?:3V3|GPIO\d|GND)\).*$", (ROOT / "docs/deploy.md").read_text(), re.MULTILINE)
    told: dict[str, set[int]] = {"dht22": set(), "bme280": set()}
    for row in rows:
        cells = [cell.strip() for cell in row.split("|")]
        for name, cell in zip(told, (cells[2], cells[5]), strict=True):
            told[name] |= {int(number) for number in re.findall(r"^(\d+) \(", cell)}
    for name, pins in told.items():
        drawing = (ROOT / f"docs/wiring-{name}.svg").read_text()
        # a square of a wire's colour, and in it the header's number
        drawn = re.findall(r'-fill used".*?/>\s*<text class="number"[^>]*>(\d+)<', drawing)
        assert {int(number) for number in drawn} == pins


def test_the_messages_in_the_documents_keep_to_the_schema() -> None:
    shown = blocks(ROOT / "docs/mqtt.md", "json")
    for message, name in zip(shown, ("record", "event", "model", "command", "response"), strict=True):
        jsonschema.validate(json.loads(message), json.loads((ROOT / f"edge/schema/{name}.json").read_text()))


def test_the_consumer_in_the_documents_gets_every_record(room_bundle: Path, tmp_path: Path) -> None:
    (consumer,) = blocks(ROOT / "docs/mqtt.md", "python")
    assert len([line for line in consumer.splitlines() if line.strip()]) <= 25
    with mosquitto() as broker:
        script = tmp_path / "consumer.py"
        script.write_text(consumer.replace('"localhost"', f'"127.0.0.1", port={broker.port}'))
        reader = subprocess.Popen([sys.executable, "-u", str(script)], stdout=subprocess.PIPE, text=True)
        room = f"--source simulator --speed 300 --bundle {room_bundle} --device cellar --commit-s 0.2"
        where = f"--journal {tmp_path / 'journal.db'} --broker 127.0.0.1:{broker.port}"
        agent = subprocess.Popen(
            [sys.executable, "-m", "edge", *shlex.split(room), *shlex.split(where)],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert reader.stdout is not None
            lines = [reader.stdout.readline().split() for _ in range(60)]
            numbers = [int(line[1]) for line in lines]
            # it may have come late; then the next health makes it ask for those before
            while not set(range(1, 60)) <= set(numbers):
                numbers.append(int(reader.stdout.readline().split()[1]))
        finally:
            for process in (agent, reader):
                process.terminate()
                process.communicate()
    assert len(numbers) == len(set(numbers))
    assert {line[0] for line in lines} == {"cellar"}


def test_the_consumer_in_the_documents_asks_for_what_it_did_not_get(tmp_path: Path) -> None:
    (consumer,) = blocks(ROOT / "docs/mqtt.md", "python")
    wishes: queue.Queue[dict[str, Any]] = queue.Queue()
    with mosquitto() as broker:
        script = tmp_path / "consumer.py"
        script.write_text(consumer.replace('"localhost"', f'"127.0.0.1", port={broker.port}'))
        settings = BrokerSettings("127.0.0.1", broker.port, "cellar")
        agent = Connection(settings, on_message=lambda _, payload, __: wishes.put(json.loads(payload)))
        agent.subscribe("picanary/v1/cellar/cmd/+")
        agent.start()
        agent.wait_connected(20.0)
        reader = subprocess.Popen([sys.executable, "-u", str(script)], stdout=subprocess.PIPE, text=True)
        try:
            assert reader.stdout is not None
            deadline = time.monotonic() + 60.0
            while " as auto-" not in broker.log.read_text() and time.monotonic() < deadline:
                time.sleep(0.05)
            told = json.loads(health())
            told["journal"]["epochs"] = [[EPOCH, 1, 6], ["f" * 16, 7, 9]]
            while wishes.empty() and time.monotonic() < deadline:
                agent.publish("picanary/v1/cellar/data", data(record(1), record(6)))
                agent.publish("picanary/v1/cellar/health", json.dumps(told).encode())
                time.sleep(0.2)
            wish, other = (wishes.get(timeout=60.0) for _ in range(2))
            command = json.loads((ROOT / "edge/schema/command.json").read_text())
            jsonschema.validate(wish, command)
            assert (wish["epoch"], wish["from"], wish["to"]) == (EPOCH, 2, 5)
            assert (other["epoch"], other["from"], other["to"]) == ("f" * 16, 7, 9)
            agent.publish("picanary/v1/cellar/data", data(record(4)))
            answer = {
                "v": 1,
                "request": wish["request"],
                "ok": True,
                "sent": 1,
                "gone": [[2, 3]],
                "why": "full",
            }
            agent.publish(f"picanary/v1/cellar/res/{wish['request']}", json.dumps(answer).encode())
            agent.publish("picanary/v1/cellar/health", json.dumps(told).encode())
            while (again := wishes.get(timeout=60.0))["epoch"] != EPOCH or again["from"] == 2:
                pass  # asked before the answer came, or of the other epoch
            assert (again["from"], again["to"]) == (5, 5)
            lines = [reader.stdout.readline().split() for _ in range(3)]
            assert [line[1] for line in lines] == ["1", "6", "4"]
        finally:
            agent.stop()
            reader.terminate()
            reader.communicate()


def test_the_levels_of_the_detector_are_those_of_the_code() -> None:
    table = [line for line in (ROOT / "docs/detector.md").read_text().splitlines() if line.startswith("| `")]
    told: dict[str, float] = {}
    for line in table:
        _, names, *_, levels, _ = line.split("|")
        told |= dict(zip(re.findall(r"`(\w+)`", names), map(float, levels.split(",")), strict=True))
    assert told == FLEET.levels


def test_each_row_of_the_table_of_faults_has_a_test_of_its_number() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "docs/faults.md").read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 43))
    tests = "".join(path.read_text() for path in (ROOT / "tests/edge/faults").glob("test_*.py"))
    tested = {int(number) for number in re.findall(r"^def test_row_(\d\d)_", tests, re.MULTILINE)}
    assert tested == set(range(1, 43))
