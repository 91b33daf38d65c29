"""Stands where the installer looks for the Pi's python3, and does here the two things that it asks of it.

`foreign_python.py VERSION CALLED_AS -m venv DIR` makes DIR as venv does, with CALLED_AS as its python;
`... -m pip install WORDS` puts what pip would install on the Pi into the venv that CALLED_AS belongs to.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# every C library up to Debian 13's
PLATFORMS = ["manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in range(17, 42))]


def make(venv: Path, version: str, python: Path) -> None:
    """An environment without anything in it."""
    (venv / "bin").mkdir(parents=True)
    (venv / f"lib/python{version}/site-packages").mkdir(parents=True)
    shutil.copy2(python, venv / "bin" / "python")
    (venv / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {version}\n"
    )


def install(venv: Path, version: str, words: Sequence[str]) -> int:
    """What pip makes of it for an aarch64 with that Python."""
    target = venv / f"lib/python{version}/site-packages"
    # pip holds what a wheel asks of Python against the Python that pip runs in
    there = ["--implementation", "cp", "--python-version", version, "--ignore-requires-python"]
    there += ["--only-binary=:all:", "--no-compile"]
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    command = [sys.executable, "-m", "pip", "install", "--target", str(target), *there, *platforms, *words]
    return subprocess.run(command, check=False).returncode


def main(version: str, called: str, *words: str) -> int:
    """Its exit status."""
    match words:
        case ("-m", "venv", folder):
            make(Path(folder), version, Path(called))
            return 0
        case ("-m", "pip", "install", *rest):
            return install(Path(called).absolute().parent.parent, version, rest)
    print(f"this python makes environments and installs into them, no more: {words}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
