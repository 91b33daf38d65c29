"""A wall clock that a test sets."""

from pathlib import Path

import pytest

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class FakeClock:
    """The wall clock of an agent, to be moved while it runs; its monotonic clock stays as it is."""

    def __init__(self, folder: Path) -> None:
        if FAKETIME is None:
            pytest.skip("faketime is not installed: apt-get install faketime")
        self._file = folder / "clock"
        self.environment = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "Europe/Berlin",
        }

    def move(self, seconds: float) -> None:
        """So far from the true time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+.0f}\n")
        fresh.replace(self._file)
