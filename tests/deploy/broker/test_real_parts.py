"""The product's own parts behind such a broker: all that they need is allowed to them."""

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.broker.provisioned import PATIENCE_S, Provisioned, deploy, provisioned, until

ROOT = Path(__file__).parents[3]
ROOM = ("--source", "simulator", "--period", "0.2", "--commit-s", "0.2")


@contextmanager
def running(*words: object) -> Iterator["subprocess.Popen[str]"]:
    """A part as a process of its own, ended in order."""
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, errors
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@contextmanager
def agent(house: Provisioned, name: str) -> Iterator[list[object]]:
    """A real agent by the edge.toml that it was handed; its flags, for the doctor."""
    handed = house.folder / "handout" / name
    flags = [*ROOM, "--config", handed / "edge.toml", "--journal", handed / "journal.db"]
    before = house.log().count(f"as {name} ")
    with running("edge", *flags):
        until(lambda: house.log().count(f"as {name} ") > before, f"{name} connects")
        yield flags


@contextmanager
def monitor(command: str, folder: Path) -> Iterator[httpx.Client]:
    """A real monitor by the flags that the command printed; a client of its page."""
    words = shlex.split(command)[2:]
    with running(*words, "--listen", "127.0.0.1:0", "--store", folder / "monitor.db", "--json") as process:
        assert process.stdout is not None
        page = json.loads(process.stdout.readline())["page"]
        with httpx.Client(base_url=page, timeout=PATIENCE_S) as client:
            yield client


def summary(client: httpx.Client) -> dict[str, Any]:
    told = client.get("/api/devices").raise_for_status().json()
    devices = {each["id"]: each for each in told["devices"]}
    found: dict[str, Any] = devices.get("cellar", {"counts": {"received": 0, "missing": 0}})
    return found


def doctor(flags: list[object]) -> str:
    """What the doctor finds beside that agent."""
    command = [sys.executable, "-m", "edge", "doctor", *map(str, flags)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Provisioned]:
    with provisioned(tmp_path / "broker") as made:
        handed = made.folder / "handout/cellar"
        assert deploy(made.folder, "add-device", "cellar", "--files-at", handed) == 0
        with (handed / "edge.toml").open("a") as settings:
            settings.write("spread_s = 0.0\n")  # of [broker], which is the last part: a test is in a hurry
        made.let_in("add-rollout", "models")
        yield made


def test_agent_doctor_and_monitor_work_with_nothing_denied(
    house: Provisioned, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    house.let_in("add-monitor", "page")
    (command,) = [line for line in capsys.readouterr().out.splitlines() if "-m monitor" in line]
    with agent(house, "cellar") as flags:
        with monitor(command, tmp_path) as page:
            until(lambda: summary(page)["counts"]["received"] > 3, "records")
        with house.guest("models") as models:
            models.listen("picanary/v1/+/model")
            models.say("picanary/v1/cellar/model/set", b"not a bundle")
            until(lambda: any(b'"refused"' in payload for _, payload in models.heard), "a refusal")
        with monitor(command, tmp_path) as page:
            until(lambda: "cellar/cmd/resend" in house.log(), "the monitor asks for what it has missed")
            until(lambda: re.search("PUBLISH to page .*/res/", house.log()) is not None, "an answer")
            until(lambda: summary(page)["counts"]["missing"] == 0, "what was missing")
            told = doctor(flags)
            assert "our certificate cellar.crt holds until" in told
            assert "was taken, and came back" in told and "where new models come" in told
            assert not re.search(r"^fail +broker", told, re.MULTILINE), told
            assert summary(page)["presence"] == "online"
    log = house.log()
    assert "Denied" not in log and "dangerous" not in log
    assert "already connected" not in log  # nobody was turned out, not even by the doctor
    assert log.count("as cellar ") == 1 and log.count("as cellar.doctor ") == 1


def test_home_assistant_finds_the_device_and_is_answered_when_it_starts(house: Provisioned) -> None:
    house.let_in("add-home-assistant", "home")
    found = "homeassistant/device/cellar/picanary/config"
    with agent(house, "cellar"), house.guest("home") as home:
        home.listen("homeassistant/#", "picanary/v1/+/state")
        until(lambda: {found, "picanary/v1/cellar/state"} <= home.topics(), "discovery and a state")
        home.heard.clear()
        assert home.say("homeassistant/status", b"online")
        until(lambda: found in home.topics(), "discovery again")
    assert "Denied" not in house.log()


def test_an_agent_that_is_revoked_keeps_its_records_and_says_why(house: Provisioned) -> None:
    with agent(house, "cellar") as flags:
        house.let_in("revoke", "cellar")
        house.broker.stop()
        house.broker.start()
        until(lambda: "certificate verify failed" in house.log(), "the agent comes back in vain")
        told = doctor(flags)
        assert re.search(r"^fail +broker .*certificate revoked", told, re.MULTILINE), told
