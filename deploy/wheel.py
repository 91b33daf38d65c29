"""The picanary wheel that goes to a Pi, built from the checkout that we run from."""

import subprocess
import sys
import zipfile
from pathlib import Path

from edge.errors import ConfigError, PicanaryError

CHECKOUT = Path(__file__).resolve().parent.parent


class WheelError(PicanaryError):
    """The wheel could not be built."""


def build(folder: Path, checkout: Path = CHECKOUT) -> Path:
    """Build the wheel of `checkout` into `folder` with pip.

    An installed picanary has no sources to build from: ConfigError then asks for --wheel.
    Raises WheelError when the build fails.
    """
    if not (checkout / "pyproject.toml").is_file():
        raise ConfigError(
            f"{checkout} is no checkout of picanary to build a wheel from: run this in one, or give "
            "a wheel with --wheel FILE"
        )
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(checkout)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        # the cause, where pip shows one, stands before its own words
        reason = next((line for line in lines if "Error: " in line), (lines or ["no reason given"])[-1])
        raise WheelError(f"cannot build the wheel of {checkout}: {reason}")
    return check(next(folder.glob("picanary-*.whl")))


def check(wheel: Path) -> Path:
    """The wheel, if its name says that it is one of picanary for any machine. Raises ConfigError."""
    if not wheel.is_file():
        raise ConfigError(f"no such wheel: {wheel}")
    if not (wheel.name.startswith("picanary-") and wheel.name.endswith("-py3-none-any.whl")):
        raise ConfigError(
            f"{wheel} is no wheel of picanary: its name must be picanary-VERSION-py3-none-any.whl"
        )
    if not zipfile.is_zipfile(wheel):
        raise ConfigError(f"{wheel} is damaged, or no wheel at all: build or fetch it anew")
    return wheel


def version(wheel: Path) -> str:
    """The version in a wheel's name."""
    return wheel.name.split("-")[1]
