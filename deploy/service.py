"""The agent as a systemd service on a Pi: its unit, and the installer that puts it there."""

from pathlib import Path

UNITS = Path(__file__).parent / "systemd"
NAME = "picanary-edge.service"
INSTALLER = Path(__file__).parent / "installer" / "install.sh"
