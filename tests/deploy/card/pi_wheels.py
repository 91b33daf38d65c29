"""Wheels without content, but with the names and tags by which pip chooses for a Pi."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

VERSIONS = ("42.0", "2.0", "1.26.4", "2.1", "2.14.0")
TAGS = (
    "cp311-cp311-manylinux_2_28_aarch64",
    "cp313-cp313-manylinux_2_28_aarch64",
    "cp311-cp311-linux_armv7l",
)


def stand_ins(folder: Path, requirements: Iterable[str]) -> None:
    """A wheel of each, in a version that is asked for, for each machine."""
    for text in set(requirements):
        asked = Requirement(text)
        version = next(each for each in VERSIONS if asked.specifier.contains(each))
        for tag in TAGS:
            _write(folder, asked.name.replace("-", "_"), version, tag)


def without_requirements(wheel: Path, to: Path) -> Path:
    """The wheel, asking for nothing: what it needs comes by PYTHONPATH."""
    new = to / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith(".dist-info/METADATA"):
                lines = content.splitlines(keepends=True)
                content = b"".join(line for line in lines if not line.startswith(b"Requires-Dist"))
            archive.writestr(name, content)
    return new


def _write(folder: Path, name: str, version: str, tag: str) -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
