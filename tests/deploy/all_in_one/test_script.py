"""What all_in_one/install.sh does on a Pi, by a real sh in a root of its own; systemctl is only noted."""

import os
import subprocess
from pathlib import Path

import deploy.all_in_one
from tests.deploy.sshd import write_script

SCRIPT = Path(deploy.all_in_one.__file__).parent / "install.sh"


UNITS = ("picanary-monitor.socket", "picanary-monitor.service", "picanary-broker.service", "announcement.xml")


def test_who_was_revoked_stays_so_when_the_release_is_left_and_comes_back(tmp_path: Path) -> None:
    root, programs, release = tmp_path / "root", tmp_path / "programs", tmp_path / "release"
    for folder in (programs, release / "page", release / "mosquitto"):
        folder.mkdir(parents=True)
    write_script(programs / "systemctl", "true")
    files = [*UNITS, "page/page.key", "mosquitto/acl", "mosquitto/revoked.crl", "mosquitto/server.key"]
    for name in files:
        (release / name).write_text(f"{name} as delivered")
    (release / "install.sh").write_text(SCRIPT.read_text())
    there = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PICANARY_ROOT": str(root)}

    def run(verb: str) -> None:
        subprocess.run(["sh", str(release / "install.sh"), verb], env=there, check=True)

    house = root / "etc/mosquitto/picanary"
    run("start")
    (house / "acl").write_text("without the attic")
    run("stop")
    assert not (house / "server.key").exists() and not (root / "etc/picanary/page").exists()
    run("start")
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
