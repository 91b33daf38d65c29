"""What would change on the boot partition: shown first, then written so that a pulled card still boots."""

import difflib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.card.boot_partition import FOLDER

SECRET = f"{FOLDER}/secret/"
_KEPT_CLOSE = (SECRET, f"{FOLDER}/all-in-one/")
CONFIGURATION = f"{FOLDER}/edge.toml"


class Plan:
    """Files by name on the partition, in the order in which they are written; only those that differ."""

    def __init__(self, folder: Path, files: Mapping[str, bytes], stale: list[str]) -> None:
        self.folder = folder
        self.changes = {name: new for name, new in files.items() if self._before(name) != new}
        self.stale = stale  # of ours, and no longer wanted

    @property
    def needed(self) -> int:
        """Bytes more than are there now."""
        grown = sum(len(new) - len(self._before(name) or b"") for name, new in self.changes.items())
        return max(0, grown)

    def diff(self) -> Iterator[str]:
        """Lines for a person: a diff of what is not ours or is configuration, the size of the rest."""
        for name, new in self.changes.items():
            old = self._before(name)
            try:
                if name.startswith(f"{FOLDER}/") and name != CONFIGURATION:
                    raise ValueError("ours, or secret")
                was, will = ((content or b"").decode().splitlines() for content in (old, new))
            except ValueError:
                yield f"{'new' if old is None else 'changed'}: {name} ({len(new):,} bytes)"
                continue
            before = "/dev/null" if old is None else name
            yield from difflib.unified_diff(was, will, before, name, lineterm="", n=1)
        yield from (f"removed: {name}" for name in self.stale)

    def write(self) -> None:
        """Write, each file whole under its name, and all of it on the card when this returns."""
        for name in self.stale:
            with _overwritten(self.folder / name, name):
                (self.folder / name).unlink()
        for name, content in self.changes.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".new")
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with _overwritten(path, name):
                part.replace(path)

    def _before(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None


@contextmanager
def _overwritten(path: Path, name: str) -> Iterator[None]:
    """A secret that loses its name here is overwritten, too: a FAT gives its blocks to whoever looks."""
    if not (name.startswith(_KEPT_CLOSE) and path.is_file()):
        yield
        return
    with path.open("r+b") as old:
        yield
        old.write(bytes(os.fstat(old.fileno()).st_size))
        old.flush()
        os.fsync(old.fileno())
