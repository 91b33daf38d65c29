"""What all_in_one/install.sh does on a Pi, by a real sh in a root of its own; systemctl is only noted."""

import os
import subprocess
from pathlib import Path

import deploy.all_in_one
from tests.deploy.sshd import write_script

SCRIPT = Path(deploy.all_in_one.__file__).parent / "install.sh"


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
