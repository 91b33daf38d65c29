"""What a booted machine is lent: it has Debian's Python, and no wheels for it but picanary's own."""

import sys
from pathlib import Path

import pytest

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
LENT = "/srv/lent"  # this environment's packages, wherever it lies: see booted.sh
VENV = Path(f"/usr/lib/python{MINOR}/venv/__init__.py")
# Each new environment finds what the wheels of a Pi would have brought.
_MORE = f"""

def _lend(self, context):
    with open(os.path.join(context.env_dir, "lib/python{MINOR}/site-packages/lent.pth"), "w") as file:
        file.write("{LENT}")


EnvBuilder.post_setup = _lend
"""


def lend(overlay: Path) -> Path:
    """Put it into an overlay; the folder of programs there. Skips where Debian's Python is another."""
    if not VENV.exists():
        pytest.skip(f"this system's own Python is not {MINOR}")
    venv = overlay / VENV.relative_to("/")
    venv.parent.mkdir(parents=True)
    venv.write_text(VENV.read_text() + _MORE)
    programs = overlay / "usr/local/sbin"
    programs.mkdir(parents=True)
    return programs


def drop_in(overlay: Path, unit: str, lines: str) -> None:
    """More for one of our services."""
    file = overlay / f"etc/systemd/system/picanary-{unit}.service.d/test.conf"
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_text() if file.exists() else "[Service]\n"
    file.write_text(before + lines)
