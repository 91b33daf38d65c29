"""What is on an image, read by the tools that others have for it: sfdisk, mtools, debugfs."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def called(*command: object) -> str:
    """Its standard output."""
    words = [str(word) for word in command]
    surroundings = {**os.environ, "PATH": PATH, "MTOOLS_SKIP_CHECK": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=surroundings)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def table(image: Path) -> dict[str, Any]:
    """The partition table."""
    found: dict[str, Any] = json.loads(called("sfdisk", "--json", image))["partitiontable"]
    return found


class Disk:
    """An image's two partitions."""

    def __init__(self, image: Path) -> None:
        self.image = image
        self._starts = [part["start"] * 512 for part in table(image)["partitions"]]

    @property
    def fat(self) -> str:
        """As mtools names the boot partition."""
        return f"{self.image}@@{self._starts[0]}"

    def boot_names(self) -> set[str]:
        """All files of the boot partition."""
        lines = called("mdir", "-/", "-b", "-i", self.fat, "::/").splitlines()
        return {line.removeprefix("::/") for line in lines if line and not line.endswith("/")}

    def boot(self, name: str) -> str:
        """A text file of the boot partition."""
        return called("mtype", "-i", self.fat, f"::/{name}")

    def ask(self, request: str) -> str:
        """What debugfs says about the root partition."""
        return called("debugfs", "-R", request, f"{self.image}?offset={self._starts[1]}")

    def root(self, name: str) -> str:
        """A text file of the root partition."""
        return self.ask(f"cat /{name}")

    def inode(self, name: str) -> str:
        """Owner, mode and so on, as debugfs tells them."""
        return self.ask(f"stat /{name}")

    def check(self, work: Path) -> None:
        """Fails when e2fsck or fsck.fat finds anything."""
        parts = table(self.image)["partitions"]
        for at, (part, command) in enumerate(
            zip(parts, (["fsck.fat", "-n"], ["e2fsck", "-f", "-n"]), strict=True)
        ):
            file = work / f"part{at}"
            with self.image.open("rb") as source, file.open("wb") as target:
                source.seek(part["start"] * 512)
                left = part["size"] * 512
                target.truncate(left)
                while left:
                    block = source.read(min(2**20, left))
                    if block.count(0) != len(block):
                        target.write(block)
                    else:
                        target.seek(len(block), os.SEEK_CUR)
                    left -= len(block)
            called(*command, file)
