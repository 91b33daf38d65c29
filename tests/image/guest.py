"""The running image, asked over ssh, as its owner would."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

UNIT = "picanary-edge.service"
# All in one connection: emulated, each takes ten seconds of arithmetic for its keys.
_QUESTIONS = {
    "systemd-analyze": "systemd-analyze time | head -n 1",
    "exposure": f"systemd-analyze security --no-pager {UNIT} | tail -n 1",
    "state": f"systemctl is-active {UNIT}",
    "restarts": f"systemctl show -P NRestarts {UNIT}",
    "memory": "free -m",
    "agent": f"systemctl show -P MemoryCurrent {UNIT}",
    "root": "df -m --output=used,avail / | tail -n 1",
    "failed": "systemctl --failed --no-legend --plain",
    "cloud-init": "cloud-init status --format json",
    "boot partition": "sudo ls /boot/firmware/picanary",
    "machine-id": "cat /etc/machine-id",
    "host key": "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f2",
    "passwords": "sudo awk -F: '$2 ~ /^\\$/ {print $1}' /etc/shadow && echo asked",
    "hostname": "hostname",
    "release": "readlink /opt/picanary/current",
    "model": "tr -d '\\0' </proc/device-tree/model",
}


class Guest:
    """A user with a key; each question is a connection of its own."""

    def __init__(self, port: int, key: Path, user: str = "debian") -> None:
        self._ssh = ["ssh", "-p", str(port), "-i", str(key), "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
        # every image has host keys of its own, made at its first boot
        known = key.with_name("known_hosts")
        self._ssh += ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={known}"]
        self._ssh += ["-o", "ConnectTimeout=60", f"{user}@127.0.0.1"]

    def say(self, command: str, within_s: float = 300) -> str:
        """What it answered; an empty text when it failed."""
        done = subprocess.run(
            [*self._ssh, command], capture_output=True, text=True, check=False, timeout=within_s
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    def wait(self, command: str, within_s: float) -> str:
        """Its answer, as soon as there is one. Raises TimeoutError."""
        deadline = time.monotonic() + within_s
        while not (answer := self._tried(command)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{command!r} was not true within {within_s:.0f} s")
            time.sleep(3)
        return answer

    def _tried(self, command: str) -> str:
        try:
            return self.say(command)
        except subprocess.TimeoutExpired:
            return ""

    def facts(self) -> dict[str, Any]:
        """What the docs tell of a boot."""
        told = self.say("; ".join(f"echo '=== {name}'; {asked}" for name, asked in _QUESTIONS.items()))
        parts = re.split(r"(?m)^=== (.*)$", f"\n{told}")[1:]
        answers = {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}
        found = re.search(r": ([\d.]+) \w+", answers.pop("exposure"))
        memory = answers.pop("memory").splitlines()
        agent = answers.pop("agent")
        return {
            **answers,
            "exposure": float(found[1]) if found else None,
            "memory used MiB": int(memory[1].split()[2]) if len(memory) > 1 else None,
            "agent MiB": int(agent) // 2**20 if agent.isdigit() else None,
            "root MiB": answers["root"].split(),
            "boot partition": answers["boot partition"].split(),
            "passwords": answers["passwords"].split(),
            "cloud-init": _cloud_init(answers["cloud-init"]),
        }


def _cloud_init(told: str) -> str:
    try:
        answer = json.loads(told)
    except ValueError:
        return told
    return f"{answer.get('extended_status', answer.get('status'))} {answer.get('errors') or ''}".strip()
