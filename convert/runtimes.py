"""Which runtime loads a TFLite file: tried in a process of its own, or read from the file's operators."""

import io
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import convert
import edge
from convert.flatbuffer import operators
from edge.detection.window import Inputs
from edge.errors import BundleError, ConfigError

NEW, OLD = "ai-edge-litert", "tflite-runtime"
RUNTIMES = (NEW, OLD)
DEADLINE_S = 60.0
# The highest version of each operator that tflite-runtime 2.14.0 has: asked of the real one, version
# by version, as tests/convert/test_runtimes.py does again. They are registered in TensorFlow's
# tensorflow/lite/core/kernels/register.cc. What is not here was never asked.
KNOWN_TO_OLD = {
    "ADD": 5, "BATCH_MATMUL": 4, "BROADCAST_TO": 3, "CAST": 5, "CONCATENATION": 4, "CONV_2D": 7,
    "DEQUANTIZE": 5, "DIV": 2, "EXP": 2, "EXPAND_DIMS": 1, "FILL": 4, "FULLY_CONNECTED": 10, "GATHER": 6,
    "LOGISTIC": 3, "MAXIMUM": 4, "MEAN": 3, "MINIMUM": 4, "MUL": 7, "PACK": 4, "PAD": 4, "QUANTIZE": 3,
    "REDUCE_MAX": 3, "RELU": 3, "RESHAPE": 1, "SHAPE": 1, "SLICE": 6, "SPLIT": 4, "SQUEEZE": 2,
    "STRIDED_SLICE": 8, "SUB": 5, "SUM": 2, "TANH": 3, "TRANSPOSE": 6, "UNPACK": 4, "ZEROS_LIKE": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loading:
    """Whether a runtime loads a file, and how that is known."""

    runtime: str  # with its version
    refused: str | None  # why; None when it loads
    tried: bool  # or read from the file

    def __str__(self) -> str:
        """As it stands in a table."""
        says = "loads" if self.refused is None else f"refused: {self.refused}"
        return f"{says} ({'tried' if self.tried else 'read'})"


@dataclass(frozen=True, slots=True, eq=False)
class Probed:
    """What an interpreter made of a file; the figures are NaN and the answers none when it was refused."""

    loading: Loading
    answers: Inputs  # (n, outputs)
    load_ms: float
    median_us: float  # of one window
    p99_us: float


def read_old(model: bytes) -> Loading:
    """Whether tflite-runtime 2.14 has what the file asks for, by the operators' versions."""
    lacking = [
        f"{name} version {version}, 2.14 knows up to {KNOWN_TO_OLD[name]}"
        if name in KNOWN_TO_OLD
        else f"nobody has asked whether 2.14 knows {name}"
        for name, version in sorted(operators(model).items())
        if version > KNOWN_TO_OLD.get(name, 0)
    ]
    return Loading(f"{OLD} 2.14", "; ".join(lacking) or None, tried=False)


def probe(python: str, model: bytes, inputs: Inputs, outputs: int) -> Probed:
    """Load and time a file under `python`, which needs numpy and a runtime; answers to inputs (n, width).

    Raises ConfigError when that Python cannot be used at all.
    """
    order = io.BytesIO()
    np.savez(order, model=np.frombuffer(model, np.uint8), inputs=inputs, outputs=outputs)
    with tempfile.TemporaryDirectory() as folder:
        # ours by links: a Python of another version must not see this one's numpy beside our packages
        for package in (edge, convert):
            (Path(folder) / package.__name__).symlink_to(Path(str(package.__file__)).parent)
        done = _run(python, folder, order.getvalue())
    nothing = np.empty((0, outputs), np.float32)
    if done.returncode < 0:
        crash = Loading(python, f"it crashed (signal {-done.returncode})", tried=True)
        return Probed(crash, nothing, np.nan, np.nan, np.nan)
    if done.returncode:
        raise ConfigError(f"{python}: the model cannot be tried there: {_last_line(done.stderr)}")
    said: dict[str, Any] = json.loads(done.stdout)
    loading = Loading(said["runtime"], said["refused"], tried=True)
    if loading.refused is not None:
        return Probed(loading, nothing, np.nan, np.nan, np.nan)
    return Probed(loading, np.array(said["answers"], np.float32), said["load_ms"], *said["window_us"])


def _run(python: str, folder: str, order: bytes) -> subprocess.CompletedProcess[bytes]:
    own = sys.path if python == sys.executable else []
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([folder, *filter(None, own)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [python, "-m", "convert.probe"]
    try:
        return subprocess.run(
            command, input=order, capture_output=True, timeout=DEADLINE_S, env=environment, check=False,
            cwd=folder,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"the model hung for {DEADLINE_S:g} s under {python}") from error
    except OSError as error:
        raise ConfigError(f"--runtime-python {python}: {error.strerror or error}") from error


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def old(model: bytes, python: str | None, inputs: Inputs, outputs: int) -> Loading:
    """Whether tflite-runtime 2.14 loads it: tried under `python`, else read. Raises ConfigError."""
    if python is None:
        return read_old(model)
    loading = probe(python, model, inputs, outputs).loading
    if loading.runtime.startswith(NEW):
        raise ConfigError(
            f"--runtime-python {python} has {loading.runtime}; name one with: pip install {OLD}==2.14.0"
        )
    return loading


def demand_old(form: str, model: bytes, python: str | None, inputs: Inputs, outputs: int) -> None:
    """Raises BundleError when tflite-runtime 2.14 would not load the file of the format `form`."""
    loading = old(model, python, inputs, outputs)
    if loading.refused is not None:
        raise BundleError(
            f"the {form} export does not load in {OLD} 2.14: {loading.refused}; choose another --format, "
            f"or --runtime {NEW} for a device that has it; no bundle was written"
        )
