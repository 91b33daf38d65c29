"""A part whose extra is not installed says which extra to install, in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.card.cards import trixie_imager

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("module", "flags", "absent", "extra"),
    [
        ("trainer", [], "tensorflow", "train"),
        ("trainer", [], "matplotlib", "train"),
        ("trainer", [], "msgspec", "train"),
        ("convert", ["runs/none"], "tensorflow", "train"),
        ("monitor", ["--broker", "127.0.0.1:1"], "starlette", "monitor"),
        ("monitor", ["--broker", "127.0.0.1:1"], "uvicorn", "monitor"),
        ("edge", ["--source", "dht"], "adafruit_dht", "pi"),
        ("deploy", ["card", "bootfs"], "ruamel", "deploy"),
    ],
)
def test_a_missing_extra_is_one_sentence(
    tmp_path: Path, module: str, flags: list[str], absent: str, extra: str
) -> None:
    trixie_imager(tmp_path / "bootfs")
    # as if it were not installed
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{absent!r}] = None\n")
    done = subprocess.run(
        [sys.executable, "-m", module, *flags],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "STATE_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert absent.replace("_", "-") in last.replace("_", "-")
    assert f"pip install 'picanary[{extra}]'" in last
    assert "Traceback" not in done.stderr
