"""The scripts that a card carries, run by a real sh in a root of their own; a Pi's commands are noted."""

import os
import site
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.__main__ import main
from tests.deploy.card import cards
from tests.deploy.card.pi_wheels import without_requirements
from tests.deploy.sshd import write_script

SECRET = "AB" * 20
SITE = os.pathsep.join(site.getsitepackages())  # what the wheel would have asked for


@pytest.fixture
def bootfs(tmp_path: Path, wheel: Path, house: Path) -> Path:
    """A prepared card whose picanary asks for no other wheel: those here are of a Pi."""
    folder = cards.trixie(tmp_path / "bootfs")
    handout = tmp_path / "handout"
    handout.mkdir()
    for name in ("ca.crt", "cellar.crt", "cellar.key"):
        (handout / name).write_text(f"{SECRET} {name}\n")
    (handout / "edge.toml").write_text(
        '[agent]\ndevice = "cellar"\n[broker]\naddress = "b"\nkeyfile = "/etc/picanary/cellar.key"\n'
    )
    key = tmp_path / "key.pub"
    key.write_text(cards.KEY + "\n")
    words = ["--wheel", str(wheel), "--wheelhouse", str(house), "--handout", str(handout)]
    more = ["--ssh-key", str(key), "--wifi", "shed", "--country", "DE"]
    assert main(["card", str(folder), *words, *more]) == 0
    without_requirements(wheel, folder / "picanary/wheels")
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A root folder, and the commands of a Pi in front of the PATH."""
    root = tmp_path / "root"
    (root / "home/me").mkdir(parents=True)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("systemctl", "raspi-config", "nmcli", "rfkill", "chown", "sync"):
        write_script(programs / name, f'echo "{name} $*" >>"{tmp_path}/commands"')
    write_script(programs / "getent", "echo me:x:1000:1000::/home/me:/bin/bash")
    write_script(programs / "python3", f'exec "{sys.executable}" "$@"')
    return root


def _run(script: Path, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = f"{root.parent}/programs:{os.environ['PATH']}"
    given = {"PATH": path, "PICANARY_ROOT": str(root), "PYTHONPATH": SITE, "HOME": str(root)}
    command = ["sh", str(script), *words]
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False)


def test_the_first_boot_installs_and_leaves_no_secret_on_the_card(bootfs: Path, machine: Path) -> None:
    release = (bootfs / "picanary/settings").read_text().splitlines()[0].removeprefix("release=")
    for path in bootfs.rglob("*"):
        path.chmod(0o700)  # as a FAT looks that is mounted for root alone
    held = machine / "home/me/.ssh/authorized_keys"
    held.parent.mkdir()
    held.write_text("ssh-ed25519 AAAA imager")  # without a newline, as Imager's printf may leave it
    done = _run(bootfs / "picanary/first-boot.sh", machine)
    log = (machine / "var/log/picanary-first-boot.log").read_text()
    assert done.returncode == 0, log
    # the service is nobody's user, and must read it
    assert (machine / "opt/picanary/current/edge.toml").stat().st_mode & 0o777 == 0o644
    assert (machine / "opt/picanary/current").readlink() == Path("releases", release)
    assert "simulated readings in the journal" in log
    python = machine / "opt/picanary/current/venv/bin/python"
    where = "import edge, pathlib; print(pathlib.Path(edge.__file__).resolve())"
    found = subprocess.run([python, "-P", "-c", where], env={}, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()).is_relative_to(machine / "opt/picanary/releases" / release)
    key = machine / "etc/picanary/cellar.key"
    assert SECRET in key.read_text() and key.stat().st_mode & 0o777 == 0o600
    network = machine / "etc/NetworkManager/system-connections/picanary.nmconnection"
    assert network.stat().st_mode & 0o777 == 0o600
    assert held.read_text() == f"ssh-ed25519 AAAA imager\n{cards.KEY}\n"
    assert (machine / "etc/systemd/system/picanary-edge.service").is_file()
    drop_in = machine / "etc/systemd/system/picanary-edge.service.d/credentials.conf"
    assert "LoadCredential=cellar.key:/etc/picanary/cellar.key" in drop_in.read_text()
    assert [path.name for path in (bootfs / "picanary").rglob("*")] == ["installed.txt"]
    assert not any(SECRET.encode() in path.read_bytes() for path in bootfs.rglob("*") if path.is_file())
    commands = (machine.parent / "commands").read_text().splitlines()
    assert "systemctl enable --quiet picanary-edge.service" in commands
    assert "raspi-config nonint do_wifi_country DE" in commands
    # a power cut in between must not leave a Pi that never starts its agent
    started = commands.index("systemctl restart --no-block picanary-edge.service")
    assert started < commands.index("systemctl disable picanary-first-boot.service")


def test_a_failed_first_boot_says_why_on_the_card_and_can_begin_anew(bootfs: Path, machine: Path) -> None:
    wheel = next((bootfs / "picanary/wheels").glob("picanary-*.whl"))
    content = wheel.read_bytes()
    wheel.write_bytes(b"damaged")
    held = machine / "home/me/.ssh/authorized_keys"
    held.parent.mkdir()
    held.write_text(f"ssh-ed25519 AAAA imager\n{cards.KEY}\n")
    assert _run(bootfs / "picanary/first-boot.sh", machine).returncode != 0
    assert wheel.name in (bootfs / "picanary/failed.txt").read_text()
    assert not (machine / "opt/picanary/current").exists()
    wheel.write_bytes(content)
    assert _run(bootfs / "picanary/first-boot.sh", machine).returncode == 0
    assert (machine / "opt/picanary/current/whole").is_file()
    assert not (bootfs / "picanary/failed.txt").exists()
    assert held.read_text() == f"ssh-ed25519 AAAA imager\n{cards.KEY}\n"


@pytest.mark.parametrize(("when", "starts"), [("now", True), ("later", False)])
def test_the_system_gets_a_service_that_lasts_until_it_is_done(
    when: str, starts: bool, bootfs: Path, machine: Path
) -> None:
    assert _run(bootfs / "picanary/begin.sh", machine, when).returncode == 0
    unit = (machine / "etc/systemd/system/picanary-first-boot.service").read_text()
    assert f"ExecStart=/bin/sh {bootfs}/picanary/first-boot.sh\n" in unit
    commands = (machine.parent / "commands").read_text().splitlines()
    enabled = commands.index("systemctl enable picanary-first-boot.service")
    assert commands[enabled + 1].strip() == "sync"  # nothing else would begin again after a power cut
    assert any(line.startswith("systemctl start --no-block") for line in commands) is starts
