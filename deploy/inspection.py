"""What a host is, and whether picanary can run there: asked before anything is copied."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from deploy.ssh import Host, HostError
from deploy.wheelhouse import Target

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON_32_BIT = (3, 11)  # tflite-runtime 2.14, the last for 32-bit ARM, has no wheel for later ones
NEEDED_MIB = 400  # measured on x86-64: a release is 182 MiB, and pip unpacks beside it
LEAST_MEMORY_MIB = 300  # a Pi with 512 has some 420; with less pip and the model's proof are killed
CLOCK_S = 86_400.0  # a clock that is so far off refuses good certificates

Power = Literal["root", "sudo", "user"]

# Prints name=value lines, then what Python says of itself: the first that is new enough, else the last.
_LOOK = """
echo "machine=$(uname -m)"
echo "home=$HOME"
echo "clock=$(date +%s)"
[ -r /proc/meminfo ] && awk '$1 == "MemTotal:" { print "memory_kib=" $2 }' /proc/meminfo
[ -r /etc/os-release ] && (. /etc/os-release; echo "system=$PRETTY_NAME")
if [ "$(id -u)" = 0 ]; then echo power=root
elif sudo -n true 2>/dev/null; then echo power=sudo
else echo power=user; fi
[ -d "${PICANARY_ROOT:-}/run/systemd/system" ] && echo systemd=yes
getent group gpio >/dev/null 2>&1 && echo gpio=yes
for python in python3 python3.14 python3.13 python3.12 python3.11; do
  command -v $python >/dev/null 2>&1 || continue
  answer=$($python -c 'import sys, json, struct
try:
    import ensurepip, venv
    whole = True
except ImportError:
    whole = False
print(json.dumps([sys.executable, sys.version_info[:3], 8 * struct.calcsize("P"), whole]))') || continue
  $python -c 'import sys; sys.exit(sys.version_info < (3, 11))' && break
done
echo "python=$answer"
"""


@dataclass(frozen=True, slots=True)
class Inspection:
    """A host that can run picanary."""

    machine: str  # as `uname -m` says it
    home: str
    power: Power
    systemd: bool
    gpio: bool  # there is a group of that name
    python: str  # path
    version: tuple[int, ...]
    bits: int
    system: str = ""  # as it calls itself
    memory_mib: int = 0  # 0: not known
    clock_s: float = 0.0  # how far its clock is ahead of ours; 0.0 also: not known

    @property
    def target(self) -> Target:
        """By which its wheels are chosen."""
        return self.machine, ".".join(str(number) for number in self.version[:2])


def inspect(host: Host) -> Inspection:
    """Look at a host. Raises HostError with one sentence if picanary cannot run there."""
    lines = host.run("look at it", _LOOK).splitlines()
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    if not said.get("python"):
        raise HostError(f"{host.target}: there is no python3: install Python 3.11 or newer there")
    path, version, bits, whole = json.loads(said["python"])
    seen = Inspection(
        machine=said.get("machine", ""),
        home=said.get("home", ""),
        power="root" if said.get("power") == "root" else "sudo" if said.get("power") == "sudo" else "user",
        systemd=said.get("systemd") == "yes",
        gpio=said.get("gpio") == "yes",
        python=path,
        version=tuple(version),
        bits=bits,
        system=said.get("system", ""),
        memory_mib=int(said.get("memory_kib") or 0) // 1024,
        clock_s=float(said["clock"]) - time.time() if said.get("clock") else 0.0,
    )
    reason = objection(seen)
    if reason is None and not whole:
        reason = "its Python cannot make virtual environments: apt install python3-venv"
    if reason:
        raise HostError(f"{host.target}: {reason}")
    return seen


def objection(seen: Inspection) -> str | None:
    """Why picanary cannot run on such a host, or None."""
    version = ".".join(str(number) for number in seen.version[:2])
    if seen.machine == "armv6l":
        return "its processor is ARMv6 (Pi 1, Pi Zero), for which no TFLite interpreter exists"
    if seen.machine not in ("x86_64", "aarch64", "armv7l"):
        return f"no TFLite interpreter exists for its processor ({seen.machine})"
    if seen.version[:2] < OLDEST_PYTHON:
        return f"its Python is {version}, picanary needs 3.11 or newer: Raspberry Pi OS Bookworm has it"
    if seen.machine == "aarch64" and seen.bits == 32:
        # pip's markers see the kernel's name, and would ask for wheels that only 64-bit systems have
        return (
            "a 64-bit kernel runs a 32-bit system there: put arm_64bit=0 into its config.txt, or install "
            "a 64-bit system"
        )
    if seen.machine == "armv7l" and seen.version[:2] > NEWEST_PYTHON_32_BIT:
        return f"no TFLite interpreter exists for Python {version} on 32-bit ARM: install a 64-bit system"
    return None


def misgivings(seen: Inspection) -> Iterator[str]:
    """What does not forbid to go on, and may explain what goes wrong later."""
    if abs(seen.clock_s) > CLOCK_S:
        days, way = round(abs(seen.clock_s) / CLOCK_S), "ahead" if seen.clock_s > 0 else "behind"
        yield (
            f"its clock is {days} days {way}: TLS to a broker fails until a time server sets it "
            "(timedatectl set-ntp true)"
        )
    if 0 < seen.memory_mib < LEAST_MEMORY_MIB:
        yield f"it has {seen.memory_mib} MiB of memory: installing may fail there"


def require_space(host: Host, folder: str, free_mib: int) -> None:
    """Raises HostError when the disk of `folder` is too full for a release."""
    if free_mib < NEEDED_MIB:
        raise HostError(
            f"{host.target}: {free_mib} MiB are free for {folder}, a release needs {NEEDED_MIB}: "
            "free some space"
        )
