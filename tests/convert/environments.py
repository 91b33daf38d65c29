"""Real environments with one runtime and numpy, of other Python versions where this machine has them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
INSTALL_S = 240.0


class Missing(Exception):
    """A Python or a package that is not to be had here; the text names it."""


def find_python(version: str) -> str:
    """An interpreter of that version that can make environments. Raises Missing."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    installed = sorted((pyenv / "versions").glob(f"{version}.*/bin/python"))
    own = sys.executable if version == f"{sys.version_info[0]}.{sys.version_info[1]}" else None
    for candidate in (own, shutil.which(f"python{version}"), *map(str, installed)):
        if candidate is not None and _works(candidate, version):
            return candidate
    raise Missing(f"no Python {version} that can make environments: not on the PATH, and none of pyenv's")


def _works(candidate: str, version: str) -> bool:
    # a shim of pyenv is on the PATH for versions, too, that it then refuses to run
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version


def make(folder: Path, version: str, *packages: str) -> str:
    """A new environment with those packages alone; its interpreter. Raises Missing."""
    subprocess.run([find_python(version), "-m", "venv", str(folder)], check=True, capture_output=True)
    python = str(folder / "bin/python")
    command = [python, "-m", "pip", "--disable-pip-version-check", "install", "--only-binary", ":all:"]
    try:
        done = subprocess.run(
            [*command, *packages], capture_output=True, text=True, timeout=INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{' '.join(packages)}: not installed within {INSTALL_S:g} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise Missing(f"{' '.join(packages)} for Python {version}: {lines[-1]}")
    return python


def prove(python: str, bundle: Path, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """The bundle's golden windows in that environment, as the agent there would ask."""
    return subprocess.run(
        [python, "-m", "edge.bundle.proof", bundle.name, "10"],
        input=bundle.read_bytes(),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
    )
