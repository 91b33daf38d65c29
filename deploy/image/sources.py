"""Where Debian's packages come from: this machine's own apt, for another suite; or mirrors by flag."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.image import tools
from edge.errors import ConfigError

SUITES = {"bookworm": "3.11", "trixie": "3.13"}  # and the Python that each of them has
COMPONENTS = "main non-free-firmware"
_FORMAT = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
_KEYRINGS = ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp")
_ELSE = "name Debian's package source by --mirror URL, and its security updates by a second --mirror URL"


def lines(suite: str, mirrors: Sequence[str], keyrings: Path = Path("/usr/share/keyrings")) -> list[str]:
    """Lines for apt. Raises ConfigError when there is nowhere to take that suite from."""
    keys = next((keyrings / name for name in _KEYRINGS if (keyrings / name).is_file()), None)
    if keys is None:
        raise ConfigError(
            "Debian's keys, by which its packages are checked, are missing: "
            "apt-get install debian-archive-keyring"
        )
    main, security = _named(mirrors) if mirrors else own()
    options = f"[arch=arm64 signed-by={keys}]"
    found = [f"deb {options} {main} {name} {COMPONENTS}" for name in (suite, f"{suite}-updates")]
    if security is not None:
        found.append(f"deb {options} {security} {suite}-security {COMPONENTS}")
    return found


def _named(mirrors: Sequence[str]) -> tuple[str, str | None]:
    for mirror in mirrors:
        if not mirror.startswith(("http://", "https://", "file:///", "copy:///")) or " " in mirror:
            raise ConfigError(
                f"--mirror {mirror}: an address as apt takes it, beginning with http://, is wanted"
            )
    if len(mirrors) > 2:
        raise ConfigError("--mirror may be given twice: Debian's packages, and its security updates")
    return mirrors[0], mirrors[1] if len(mirrors) == 2 else None


def own(release: Path = Path("/etc/os-release")) -> tuple[str, str | None]:
    """This machine's own source of Debian, and of its security updates."""
    known = _known(release)
    if known.get("ID") != "debian" or not tools.there("apt-get"):
        raise ConfigError(f"this machine is no Debian, so apt here knows no source of it: {_ELSE}")
    codename = known.get("VERSION_CODENAME", "")
    found = dict(reversed(_targets()))
    if codename not in found:
        raise ConfigError(f"apt here has no source for {codename} main: {_ELSE}")
    return found[codename], found.get(f"{codename}-security")


def _known(release: Path) -> dict[str, str]:
    try:
        text = release.read_text()
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key: value.strip('"') for key, value in pairs}


def _targets() -> list[tuple[str, str]]:
    """(suite, address) of each package list that apt knows, however the sources are written."""
    command = ["apt-get", "indextargets", "--no-release-info", "--format", _FORMAT, "Created-By: Packages"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = (line.split() for line in done.stdout.splitlines())
    return [(row[1], row[0]) for row in rows if len(row) == 3 and row[2] == "main"]
