"""The disks of the emulated Pi: a system, made once and kept for the next time, and picanary as it is now."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy import wheel as wheels
from deploy.push.delivery import Delivery
from deploy.push.store import WheelStore

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
PYTHON = "3.13"  # Debian 13's
# What each part is made by: whoever changes one of these gets a new part.
KERNEL = ("apt.sh", "kernel.sh", "guest/initrd-init", "dhtsim/dhtsim.c", "dhtsim/Makefile")
ROOT = ("apt.sh", "rootfs.sh", "guest/init")


@dataclass(frozen=True, slots=True)
class Image:
    """What a Pi starts from."""

    vmlinuz: Path
    initrd: Path
    root: Path
    kernel: str  # its version


def kept() -> Path:
    """Where such things are kept for a user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "picanary" / "pi"


def lacking() -> str:
    """What is not installed here, in a sentence; nothing when all is there."""
    look = ["sh", str(HERE / "install-qemu.sh"), "look"]
    return subprocess.run(look, capture_output=True, text=True, check=False).stderr.strip()


def provide(say: Callable[[str], None]) -> Image:
    """The system, made if it is not there; needs what install-qemu.sh installs. Raises CalledProcessError."""
    folder = kept()
    folder.mkdir(parents=True, exist_ok=True)
    kernel, root = folder / f"kernel-{_digest(KERNEL)}", folder / f"root-{_digest(ROOT)}"
    making: list[tuple[subprocess.Popen[bytes], Path, Path]] = []
    for place, script in ((kernel, "kernel.sh"), (root, "rootfs.sh")):
        if not place.exists():
            say(f"making {place}")
            part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
            making.append((subprocess.Popen(["sh", str(HERE / script), str(part)]), part, place))
    try:
        for process, part, place in making:
            if process.wait():
                raise subprocess.CalledProcessError(process.returncode, process.args)
            if not place.exists():  # somebody else was sooner
                part.rename(place)
    finally:
        for process, part, _ in making:
            process.terminate()
            process.wait()
            shutil.rmtree(part, ignore_errors=True)
    return Image(
        kernel / "vmlinuz", kernel / "initrd", root / "root.ext4", (kernel / "version").read_text().strip()
    )


def _digest(names: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\n".encode() + (HERE / name).read_bytes())
    return digest.hexdigest()[:12]


def install(folder: Path, files: Mapping[str, Path | bytes]) -> Path:
    """A disk with picanary of this checkout, laid out by its own installer with `files` of a delivery.

    The installer runs here, with a python3 that fetches for the Pi (`foreign_python.py`): under emulation
    `python3 -m venv` alone takes minutes.
    """
    wheel = wheels.build(folder)
    others = WheelStore(wheel).wheels(("aarch64", PYTHON), (), lambda _: None)
    python = folder / "python3"
    python.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "foreign_python.py"}" {PYTHON} "$0" "$@"\n'
    )
    python.chmod(0o755)
    brought = {f"wheels/{each.name}": each for each in (wheel, *sorted(others.glob("*.whl")))}
    settings = {"python": str(python), "service": "", "doctor": "no"}
    delivery = Delivery(wheel, {**brought, **files}, settings, {})
    for name, content in delivery.whole.items():
        path = folder / "delivery" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    root = folder / "root"
    command = ["sh", str(folder / "delivery" / "install.sh"), "install"]
    subprocess.run(command, check=True, env={**os.environ, "PICANARY_ROOT": str(root)})
    release = root / "opt/picanary/releases" / delivery.release
    (release / "venv/bin/python").unlink()
    (release / "venv/bin/python").symlink_to("/usr/bin/python3")
    disk = folder / "programs.ext4"
    mke2fs = shutil.which("mke2fs", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or "mke2fs"
    subprocess.run(
        [mke2fs, "-q", "-t", "ext4", "-d", str(root / "opt/picanary"), str(disk), "400M"], check=True
    )
    return disk


if __name__ == "__main__":
    try:
        provide(print)
    except subprocess.CalledProcessError as error:
        sys.exit(f"the emulated Pi's system could not be made: {error}")
