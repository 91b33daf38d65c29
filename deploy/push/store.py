"""Wheels for a Pi, kept on this computer: the second Pi of a kind fetches nothing."""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from deploy.wheelhouse import Target, Wheelhouse, WheelhouseError, requirements


def default_store() -> Path:
    """Where such things are kept for a user."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "picanary" / "wheels"


class WheelStore:
    """All wheels that one picanary asks for, by machine and Python. May be asked from several threads."""

    def __init__(
        self, wheel: Path, found: Path | None = None, options: Sequence[str] = (), folder: Path | None = None
    ) -> None:
        """`found`: take them from that folder alone; `options` are pip's."""
        self._wheel = wheel
        self._found = found
        self._options = tuple(options)
        self._folder = folder or default_store()
        self._lock = threading.Lock()
        self._known: dict[Path, Path] = {}

    def wheels(self, target: Target, extras: Sequence[str], say: Callable[[str], None]) -> Path:
        """A folder of them. Raises WheelhouseError or ConfigError when they cannot be had."""
        place = self._place(target, extras)
        with self._lock:  # hosts of one kind wait for the first of them
            if place not in self._known:
                self._known[place] = self._filled(place, target, extras, say)
            return self._known[place]

    def _place(self, target: Target, extras: Sequence[str]) -> Path:
        asked = [*requirements(self._wheel, target, extras), *self._options, str(self._found or "")]
        digest = sha256("\n".join(asked).encode()).hexdigest()[:12]
        return self._folder / f"{target[0]}-{target[1]}-{digest}"

    def _filled(self, place: Path, target: Target, extras: Sequence[str], say: Callable[[str], None]) -> Path:
        house = Wheelhouse(place, self._wheel, [target], extras)
        if self._found is None and house.there():
            return place
        self._folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=self._folder))
        try:
            house.fetched(part, self._found, self._options, say)
            shutil.rmtree(place, ignore_errors=True)
            part.rename(place)
        except WheelhouseError as error:
            raise WheelhouseError(f"{error}, or let the host's own pip fetch them: --online") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return place
