"""What all_in_one/install.sh does on a Pi, by a real sh in a root of its own; systemctl is only noted."""

import os
import subprocess
from pathlib import Path

import deploy.all_in_one
from tests.deploy.sshd import write_script

SCRIPT = Path(deploy.all_in_one.__file__).parent / "install.sh"


UNITS = ("picanary-monitor.socket", "picanary-monitor.service", "picanary-broker.service", "announcement.xml")


KEYS = [f"mosquitto/{name}" for name in ("acl", "ca.crt", "revoked.crl", "server.key")]


def release(folder: Path, authority: str) -> Path:
    """As the installer leaves it."""
    for name in [*UNITS, *KEYS, "page/page.key"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} as delivered")
    (folder / "mosquitto/ca.crt").write_text(authority)
    (folder / "install.sh").write_text(SCRIPT.read_text())
    return folder


def run(tmp_path: Path, folder: Path, verb: str) -> subprocess.CompletedProcess[str]:
    programs, root = tmp_path / "programs", tmp_path / "root"
    programs.mkdir(exist_ok=True)
    write_script(programs / "systemctl", "true")
    there = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PICANARY_ROOT": str(root)}
    command = ["sh", str(folder / "install.sh"), verb]
    return subprocess.run(command, env=there, capture_output=True, text=True, check=False)


def test_the_keys_of_another_house_are_not_written_over(tmp_path: Path) -> None:
    first, other = release(tmp_path / "first", "one"), release(tmp_path / "other", "two")
    assert run(tmp_path, first, "start").returncode == 0
    refused = run(tmp_path, other, "start")
    assert refused.returncode == 1 and "is of another house" in refused.stderr
    assert (tmp_path / "root/etc/mosquitto/picanary/ca.crt").read_text() == "one"
    assert run(tmp_path, first, "stop").returncode == 0
    assert run(tmp_path, other, "start").returncode == 0


def test_who_was_revoked_stays_so_when_the_release_is_left_and_comes_back(tmp_path: Path) -> None:
    root, mine = tmp_path / "root", release(tmp_path / "release", "one")
    house = root / "etc/mosquitto/picanary"
    assert run(tmp_path, mine, "start").returncode == 0
    (house / "acl").write_text("without the attic")
    assert run(tmp_path, mine, "stop").returncode == 0
    assert not (house / "server.key").exists() and not (root / "etc/picanary/page").exists()
    assert run(tmp_path, mine, "start").returncode == 0
    assert (house / "acl").read_text() == "without the attic"
    assert (house / "server.key").read_text() == "mosquitto/server.key as delivered"
    assert (root / "etc/picanary/page/page.key").is_file()


def test_a_broker_that_is_there_is_told_to_whoever_installs_and_nothing_is_made(tmp_path: Path) -> None:
    root, programs = tmp_path / "root", tmp_path / "programs"
    programs.mkdir()
    write_script(programs / "systemctl", f'echo "$*" >>{tmp_path}/asked')
    theirs = root / "etc/mosquitto/conf.d/theirs.conf"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("listener 1883\nallow_anonymous true\n")
    there = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PICANARY_ROOT": str(root)}
    command = ["sh", str(SCRIPT), "start"]
    done = subprocess.run(command, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"all-in-one: {theirs} has a broker of its own")
    assert [path for path in root.rglob("*") if path.is_file()] == [theirs]
    assert not (tmp_path / "asked").exists()
