"""What is sent to a host: files by name, and the name of the release that they make."""

import io
import shlex
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import IO

from deploy import wheel as wheels
from deploy.push.order import Content
from deploy.service import INSTALLER

KEYS = "secret/"
# How it is installed is not what is installed.
MANNER = frozenset({"offline", "pip_options", "patience_s", "doctor"})


@dataclass(frozen=True)
class Delivery:
    """Files by their name in the delivery, and what install.sh is told of them.

    `carried`: SHA-256 of what the host has and will take over where the files have none of that name.
    """

    wheel: Path
    files: Mapping[str, Content]
    settings: Mapping[str, str]
    carried: Mapping[str, str]

    @cached_property
    def sums(self) -> dict[str, str]:
        """SHA-256 of each file, by name."""
        return {name: _digest(content) for name, content in sorted(self.whole.items())}

    @cached_property
    def release(self) -> str:
        """The same for the same content, whenever and from wherever it is sent."""
        made = {**self.carried, **{name: _digest(content) for name, content in self.files.items()}}
        said = {name: text for name, text in self.settings.items() if name not in MANNER}
        lines = [f"{name} {text}" for each in (made, said) for name, text in sorted(each.items())]
        digest = sha256("\n".join(lines).encode()).hexdigest()
        return f"{wheels.version(self.wheel)}-{digest[:10]}"

    @property
    def whole(self) -> dict[str, Content]:
        """All files, with the settings and the installer itself."""
        told = {"release": self.release, "wheel": self.wheel.name, **self.settings}
        lines = "".join(f"{name}={shlex.quote(value)}\n" for name, value in told.items())
        return {**self.files, "settings": lines.encode(), INSTALLER.name: INSTALLER}

    def missing(self, there: Mapping[str, str]) -> list[str]:
        """Names of what the host has not got, or not so."""
        return [name for name, digest in self.sums.items() if there.get(name) != digest]

    def size(self, names: Iterable[str]) -> int:
        """Bytes of these files."""
        whole = self.whole
        return sum(_size(whole[name]) for name in names)

    def pack(self, names: Iterable[str], to: IO[bytes]) -> None:
        """These files as a tar, with `sums`, by which the host knows that all is there and whole."""
        lines = "".join(f"{digest}  ./{name}\n" for name, digest in self.sums.items())
        chosen: dict[str, Content] = {name: self.whole[name] for name in names}
        with tarfile.open(fileobj=to, mode="w") as archive:
            for name, content in {**chosen, "sums": lines.encode()}.items():
                _add(archive, name, content)


def _add(archive: tarfile.TarFile, name: str, content: Content) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o600 if name.startswith(KEYS) else 0o644
    entry.size = _size(content)
    if isinstance(content, bytes):
        archive.addfile(entry, io.BytesIO(content))
        return
    with content.open("rb") as file:
        archive.addfile(entry, file)


def _size(content: Content) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _digest(content: Content) -> str:
    if isinstance(content, bytes):
        return sha256(content).hexdigest()
    with content.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
