"""A card with --all-in-one in a machine that systemd really boots: from the first boot to the page.

Debian, systemd, mosquitto, avahi, the agent, the monitor, the units and the scripts are the real ones. apt
stands in: it has the package as soon as there is a network. What picanary asks pip for is lent.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.__main__ import main
from tests.brokers import Broker
from tests.deploy.all_in_one.lending import drop_in, lend
from tests.deploy.booted import Booted, booted, until
from tests.deploy.broker.provisioned import Guest, Provisioned
from tests.deploy.card.pi_wheels import without_requirements
from tests.deploy.sshd import write_script

_APT = """\
echo "$*" >>/run/apt-asked
[ -e /run/network ] || { echo "E: Temporary failure resolving" >&2; exit 100; }
case "$*" in *install*mosquitto*) mv /usr/sbin/mosquitto.in-debian /usr/sbin/mosquitto ;; esac
"""


@dataclass(frozen=True, slots=True)
class Pi:
    """The machine, and what is on the workstation that made its card."""

    machine: Booted
    house: Path
    token: str

    @contextmanager
    def page(self, **headers: str) -> Iterator[httpx.Client]:
        """A phone in the same network."""
        named = {"Host": "cellar.local", **headers}
        with (
            self.machine.network(),
            httpx.Client(base_url="http://127.0.0.1", headers=named, timeout=60) as one,
        ):
            yield one

    @property
    def broker(self) -> Provisioned:
        """As the broker's own tests know one."""
        return Provisioned(self.house, 8883, Broker([], 8883, self.house / "none.log"))

    def rooms(self) -> dict[str, Any]:
        with self.page(Authorization=f"Bearer {self.token}") as page:
            told = page.get("/api/devices").raise_for_status().json()
        return {each["id"]: each for each in told["devices"]}

    def received(self, device: str) -> int:
        return int(self.rooms().get(device, {"counts": {"received": 0}})["counts"]["received"])


@dataclass(frozen=True, slots=True)
class Offline:
    """What was so before the Pi had a network."""

    refused: int  # what the page answers without the token
    well: dict[str, Any]
    records: int
    left_on_card: set[str]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, prepared: Any) -> Iterator[Pi]:
    """Booted, and its first boot begun, without a network and without mosquitto."""
    folder = tmp_path_factory.mktemp("pi")
    made = prepared(folder / "card")
    (wheel,) = (made.card / "picanary/wheels").glob("picanary-*.whl")
    shutil.move(without_requirements(wheel, folder), wheel)
    with booted(folder, "cellar", _overlay(folder / "overlay", made.card)) as machine:
        machine.run("mv", "/usr/sbin/mosquitto", "/usr/sbin/mosquitto.in-debian")
        machine.run("sh", "/boot/firmware/picanary/begin.sh", "now")
        found = re.search(r"shown this once: (\S+)", made.told)
        assert found, made.told
        yield Pi(machine, made.house, found[1])


def _overlay(folder: Path, card: Path) -> Path:
    shutil.copytree(card, folder / "boot/firmware")
    write_script(lend(folder) / "apt-get", _APT)
    drop_in(folder, "broker", "RestartSec=1\n")
    drop_in(folder, "monitor", "WatchdogSec=20\n")
    return folder


@pytest.fixture(scope="module")
def offline(fresh: Pi) -> Offline:
    """After the first boot is over, and a while of its life without a network."""
    machine = fresh.machine
    until(lambda: machine.path("/boot/firmware/picanary/installed.txt").exists(), "the first boot is over")
    until(lambda: machine.is_active("picanary-edge.service"), "the agent runs")
    until(lambda: machine.is_active("picanary-monitor.service"), "the monitor runs")
    until(lambda: _records(machine) > 2, "records are in the journal")
    until(lambda: machine.path("/run/apt-asked").exists(), "apt is asked")
    with fresh.page() as page:
        refused = page.get("/api/devices").status_code
    assert fresh.rooms() == {}
    with fresh.page(Authorization=f"Bearer {fresh.token}") as page:
        well = page.get("/healthz").json()
    folder = machine.path("/boot/firmware/picanary")
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return Offline(refused, well, _records(machine), left)


@pytest.fixture(scope="module")
def pi(fresh: Pi, offline: Offline) -> Pi:
    """The same, once there is a network: nobody does anything but wait."""
    fresh.machine.run("touch", "/run/network")
    until(lambda: fresh.machine.is_active("mosquitto.service"), "mosquitto runs")
    until(lambda: fresh.received("cellar") > 0, "a record on the page")
    return fresh


_COUNT = """
import sqlite3
journal = sqlite3.connect("file:/var/lib/private/picanary/journal.db?mode=ro", uri=True)
print(journal.execute("select count(*) from records").fetchone()[0])
"""


def _records(machine: Booted) -> int:
    """In the agent's journal; SQLite has to open it in there."""
    return int(machine.said("/usr/bin/python3", "-c", _COUNT) or 0)


def test_the_first_boot_needs_no_network_for_the_agent_and_the_page(offline: Offline) -> None:
    assert offline.records > 2
    assert offline.refused == 401
    assert offline.well["broker"].startswith("nobody listens at localhost:8883")
    assert offline.left_on_card == {"installed.txt"}


def test_what_needs_the_network_is_tried_again_until_it_is_there(offline: Offline, pi: Pi) -> None:
    asked = pi.machine.path("/run/apt-asked").read_text().splitlines()
    assert sum("update" in line for line in asked) > 1
    assert "install --no-install-recommends mosquitto" in asked[-1]
    until(lambda: not pi.machine.is_active("picanary-broker.service"), "that is over")
    assert pi.machine.said("systemctl", "is-enabled", "picanary-broker.service") == "disabled"
    # nothing is lost meanwhile: what was measured before there was a broker comes too
    until(lambda: pi.received("cellar") > offline.records, "the records from before")
    until(lambda: pi.rooms()["cellar"]["counts"]["missing"] == 0, "nothing is missing")


def test_a_phone_sees_a_reading_with_the_token_and_nothing_without(pi: Pi) -> None:
    (reading,) = [room for name, room in pi.rooms().items() if name == "cellar"]
    assert reading["counts"]["received"] > 0
    with pi.page() as page:
        assert page.get("/api/devices").status_code == 401
        assert page.get("/").headers["location"] == "/login"
        assert page.post("/login", data={"token": "guessed"}).status_code == 401
        signed_in = page.post("/login", data={"token": pi.token})
        assert signed_in.status_code == 303 and signed_in.headers["location"] == "/"
        assert page.get("/api/devices").status_code == 200  # the cookie
    with pi.page(Host="other.example") as page:
        assert page.get("/login").status_code == 421


def test_the_page_and_the_broker_announce_themselves(pi: Pi) -> None:
    browse = ("timeout", "20", "avahi-browse", "--all", "--resolve", "--terminate", "--parsable")

    def announced() -> set[tuple[str, str]]:
        rows = [line.split(";") for line in pi.machine.said(*browse).splitlines() if line.startswith("=")]
        return {(row[6], row[8]) for row in rows if row[3] == "picanary\\032on\\032cellar"}

    until(lambda: announced() == {("cellar.local", "80"), ("cellar.local", "8883")}, "both are announced")
    assert "127.0.0.1" in pi.machine.said("timeout", "20", "avahi-resolve", "-4", "--name", "cellar.local")


def test_the_broker_lets_in_whom_the_house_knows(pi: Pi, tmp_path: Path) -> None:
    with pi.machine.network():
        with Guest(pi.broker, "cellar", pair=None) as nobody:
            assert not nobody.let_in
        strangers = tmp_path / "strangers"
        assert main(["broker", str(strangers), "--host", "cellar.local"]) == 0
        assert main(["broker", str(strangers), "add-device", "cellar"]) == 0
        with Guest(pi.broker, "cellar", pair=lambda end: strangers / f"handout/cellar/cellar{end}") as forged:
            assert not forged.let_in
    assert pi.machine.said("ss", "--listening", "--tcp", "--numeric").count(":1883") == 0


def test_a_second_device_gets_in_and_may_only_be_itself(pi: Pi, tmp_path: Path) -> None:
    assert main(["broker", str(pi.house), "add-device", "attic"]) == 0
    shutil.copy(pi.house / "mosquitto/acl", pi.machine.path("/etc/mosquitto/picanary"))
    pi.machine.run("systemctl", "reload", "mosquitto")
    handed = pi.house / "handout/attic"
    settings = (handed / "edge.toml").read_text().replace("/etc/picanary", str(handed))
    config = tmp_path / "edge.toml"
    # a machine of its own would find cellar.local by mDNS
    assert 'address = "cellar.local"' in settings
    config.write_text(settings.replace('"cellar.local"', '"localhost"'))
    agent = [
        sys.executable,
        "-m",
        "edge",
        "--source",
        "simulator",
        "--period",
        "0.5",
        "--config",
        str(config),
    ]
    with pi.machine.network():
        process = subprocess.Popen([*agent, "--journal", str(tmp_path / "journal.db")])
        try:
            until(lambda: pi.received("attic") > 0, "the second room is on the page")
        finally:
            process.terminate()
            assert process.wait(60) == 0
        with pi.broker.guest("attic") as attic:
            assert attic.say("picanary/v1/attic/doctor")
            assert not attic.say("picanary/v1/cellar/status", b"{}")


def test_a_monitor_that_hangs_is_started_anew(pi: Pi) -> None:
    def process() -> str:
        return pi.machine.said(
            "systemctl", "show", "--property=MainPID", "--value", "picanary-monitor.service"
        )

    before = process()
    pi.machine.run("kill", "-STOP", before)
    until(lambda: process() not in (before, "0"), "the watchdog ends it")
    until(lambda: pi.received("cellar") > 0, "the page is back, with all it knew")


def test_run_again_nothing_changes_and_whoever_was_revoked_stays_out(pi: Pi) -> None:
    acl = pi.machine.path("/etc/mosquitto/picanary/acl")
    acl.write_text(acl.read_text().replace("user cellar.doctor", "# revoked since"))
    before = acl.read_text()
    script = "/opt/picanary/current/all-in-one/install.sh"
    for _ in range(2):
        pi.machine.run("sh", script, "start")
    assert acl.read_text() == before
    until(lambda: pi.machine.is_active("picanary-monitor.service"), "the monitor runs")
    until(lambda: pi.received("cellar") > 0, "the page is back")


def test_another_broker_that_was_there_before_is_left_alone(pi: Pi) -> None:
    theirs = pi.machine.path("/etc/mosquitto/conf.d/theirs.conf")
    theirs.write_text("listener 1883\nallow_anonymous true\n")
    done = pi.machine.run("sh", "/opt/picanary/current/all-in-one/install.sh", "broker", check=False)
    theirs.unlink()
    assert done.returncode == 1
    assert done.stderr.startswith("all-in-one: /etc/mosquitto/conf.d/theirs.conf has a broker of its own")


def test_a_release_without_it_takes_it_back(pi: Pi) -> None:
    pi.machine.run("sh", "/opt/picanary/current/all-in-one/install.sh", "stop")
    assert pi.machine.is_active("picanary-edge.service")
    assert not pi.machine.is_active("picanary-monitor.socket")
    assert not pi.machine.is_active("picanary-monitor.service")
    for gone in ("mosquitto/conf.d/picanary.conf", "picanary/page", "avahi/services/picanary.service"):
        assert not pi.machine.path(f"/etc/{gone}").exists()
    # who was revoked, should it come back; no key
    left = {path.name for path in pi.machine.path("/etc/mosquitto/picanary").iterdir()}
    assert left == {"acl", "revoked.crl"}
    assert pi.machine.path("/var/lib/private/picanary-monitor/monitor.db").exists()
