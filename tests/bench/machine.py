"""The machine on which the figures were taken, in a few sentences."""

import os
import platform
from pathlib import Path


def machine(folder: Path) -> str:
    """Processor, Python, kernel, the file system of `folder`, and how busy it all is now."""
    kind, device = file_system(folder)
    memory = next(line for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return (
        f"{_processor()}, {os.cpu_count()} cores, {int(memory.split()[1]) / 1024**2:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, {kind} on {device}; "
        f"load {os.getloadavg()[0]:.1f} when it began"
    )


def file_system(folder: Path) -> tuple[str, str]:
    """Kind and device of what a folder lies on."""
    mounts = [line.split()[:3] for line in _lines("/proc/mounts")]
    under = [each for each in mounts if folder.resolve().is_relative_to(each[1])]
    device, _, kind = max(under, key=lambda each: len(each[1]))
    return kind, device


def _processor() -> str:
    names = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if "model name" in line]
    return names[0] if names else platform.machine()


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
