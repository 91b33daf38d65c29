"""A part of us in a child process: the same modules, one thread, nothing from the working directory."""

import os
import sys
from pathlib import Path


def child_command(module: str, *arguments: str) -> list[str]:
    """What starts that module of ours."""
    # -P: what lies in the working directory is not ours
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment() -> dict[str, str]:
    """The models are tiny, and the Pi has readings to take meanwhile: one thread is enough."""
    home = str(Path(__file__).resolve().parents[1])
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([home, *filter(None, sys.path)]),
    }
