"""The folder: what is secret, what goes to the broker's machine, what is handed out.

DIR/authority/      ca.key, and the ledger: stays here
DIR/mosquitto/      what mosquitto reads: configuration, access list, its certificate, the revoked
DIR/handout/NAME/   key, certificate and settings for one name, to be brought there
"""

import fcntl
import grp
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import ConfigError

# Debian's mosquitto reads its files as this group once it runs.
GROUP = "mosquitto"
SECRET, SHARED = 0o600, 0o640


class Place:
    """Paths and writing. Each file is whole, old or new, whenever the power goes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.authority = self.folder / "authority"
        self.mosquitto = self.folder / "mosquitto"
        self.authority_key = self.authority / "ca.key"
        self.authority_certificate = self.authority / "ca.crt"
        self.ledger = self.authority / "ledger.json"

    @property
    def established(self) -> bool:
        """Whether there is an authority here."""
        return self.ledger.exists()

    def handout(self, name: str) -> Path:
        """Where a name's files go unless somebody says otherwise."""
        return self.folder / "handout" / name

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """One writer at a time. Raises ConfigError when there is another."""
        self.make(self.authority, 0o700)
        with (self.authority / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConfigError(f"{self.folder}: another command is at work here; try again") from error
            yield

    def make(self, folder: Path, mode: int) -> None:
        """A folder with those rights, if there is none."""
        if not folder.is_dir():
            folder.mkdir(parents=True)
            folder.chmod(mode)
            self._give(folder)

    def put(self, path: Path, content: bytes, mode: int) -> bool:
        """Write unless it stands there already; whether it was written."""
        if path.is_file() and path.read_bytes() == content:
            return False
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            self._give(Path(name))
            Path(name).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise
        _settle(path.parent)
        return True

    def _give(self, path: Path) -> None:
        """What mosquitto reads belongs to its group, where we may say so."""
        if os.geteuid() == 0 and path.is_relative_to(self.mosquitto):
            with suppress(KeyError):
                os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)


def _settle(folder: Path) -> None:
    """The name too has to be on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
