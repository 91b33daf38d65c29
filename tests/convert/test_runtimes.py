"""What a runtime loads: read from the file, and held against both real runtimes, each with its own Python."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from convert.__main__ import main
from convert.runtimes import KNOWN_TO_OLD, NEW, OLD, old, probe, read_old
from convert.tflite import FORMATS
from convert.verify import golden_inputs
from edge.bundle.bundle import load
from edge.detection.window import Inputs
from edge.errors import ConfigError
from tests.convert.environments import prove
from trainer.run import Run

Exported = Callable[[str], bytes]
Bundled = Callable[[str], Path]

# Which of many files (an npz on stdin) the runtime has all operators for: JSON, name -> refused or not.
ASK = """
import io, json, sys
import numpy as np
from tflite_runtime.interpreter import Interpreter
answers = {}
with np.load(io.BytesIO(sys.stdin.buffer.read())) as files:
    for name in files:
        try:
            Interpreter(model_content=files[name].tobytes())
            answers[name] = False
        except (ValueError, RuntimeError) as error:
            answers[name] = "Didn't find op" in str(error)
json.dump(answers, sys.stdout)
"""


def per_channel(model: Any, inputs: Inputs) -> bytes:
    """What TensorFlow makes by itself of a dense network: a scale for each output."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return bytes(converter.convert())


def with_operator(model: bytes, name: str, version: int) -> bytes:
    """The same file, asking for another operator where it asked for TANH."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    table = schema.ModelT.InitFromPackedBuf(model, 0)
    code = getattr(schema.BuiltinOperator, name)
    for asked in table.operatorCodes:
        if asked.builtinCode == schema.BuiltinOperator.TANH:
            asked.builtinCode, asked.deprecatedBuiltinCode, asked.version = code, min(code, 127), version
    builder = flatbuffers.Builder(1024)
    builder.Finish(table.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture(scope="session")
def too_new(day_run: Run, windows: Inputs) -> bytes:
    """A file that tflite-runtime 2.14 does not load."""
    return per_channel(day_run.model, windows)


@pytest.mark.parametrize("form", FORMATS)
def test_the_operators_of_each_format_are_known_to_the_old_runtime(form: str, exported: Exported) -> None:
    assert str(read_old(exported(form))) == "loads (read)"


def test_weights_with_a_scale_for_each_output_are_refused_by_their_operator(too_new: bytes) -> None:
    assert str(read_old(too_new)) == "refused: FULLY_CONNECTED version 12, 2.14 knows up to 10 (read)"


def test_an_operator_that_nobody_asked_about_is_refused(exported: Exported) -> None:
    file = with_operator(exported("float32"), "ATAN2", 1)
    assert read_old(file).refused == "nobody has asked whether 2.14 knows ATAN2"


def test_an_export_that_the_target_cannot_load_is_refused_in_one_sentence(
    day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(FORMATS, "dynamic-range", per_channel)
    out = tmp_path / "b.canary"
    order = [str(day), "--format", "dynamic-range", "--out", str(out), "--runtime"]
    assert main([*order, OLD]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "does not load in tflite-runtime 2.14: FULLY_CONNECTED version 12, 2.14 knows up to 10;" in said
    assert "--runtime ai-edge-litert" in said
    assert not out.exists()
    assert main([*order, NEW]) == 0


def test_the_probe_answers_as_this_process_does(exported: Exported, bundled: Bundled) -> None:
    bundle = load(bundled("float32"))
    inputs = np.array(bundle.golden["inputs"], np.float32)
    probed = probe(sys.executable, bundle.model, inputs, bundle.windowing.outputs)
    assert probed.loading.refused is None
    assert probed.loading.runtime.startswith(NEW)
    np.testing.assert_array_equal(probed.answers, bundle.network().answer(inputs))
    assert 0 < probed.median_us <= probed.p99_us


def test_a_python_that_is_of_no_use_is_one_sentence(
    tmp_path: Path, exported: Exported, windows: Inputs
) -> None:
    few, model, outputs = golden_inputs(windows), exported("float32"), 14
    with pytest.raises(ConfigError, match=r"--runtime-python .*nowhere: No such file"):
        old(model, str(tmp_path / "nowhere"), few, outputs)
    with pytest.raises(ConfigError, match=r"has ai-edge-litert .* pip install tflite-runtime==2.14.0"):
        old(model, sys.executable, few, outputs)
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(ConfigError, match=r"cannot be tried there: .*No module named"):
        old(model, str(bare), few, outputs)


def test_what_is_known_of_the_old_runtime_is_what_it_says_itself(old_python: str, exported: Exported) -> None:
    base = exported("float32")
    files = {
        f"{name} {version}": np.frombuffer(with_operator(base, name, version), np.uint8)
        for name, most in KNOWN_TO_OLD.items()
        for version in (most, most + 1)
    }
    packed = _npz(files)
    done = subprocess.run([old_python, "-c", ASK], input=packed, capture_output=True, check=True)
    refused = json.loads(done.stdout)
    assert refused == {f"{n} {v}": v > most for n, most in KNOWN_TO_OLD.items() for v in (most, most + 1)}


def _npz(files: dict[str, Any]) -> bytes:
    import io

    packed = io.BytesIO()
    np.savez(packed, **files)
    return packed.getvalue()


def test_the_old_runtime_itself_refuses_what_was_read_to_be_too_new(
    old_python: str, too_new: bytes, day_run: Run, windows: Inputs
) -> None:
    loading = old(too_new, old_python, golden_inputs(windows), day_run.habits.windowing.outputs)
    assert loading.tried
    assert loading.runtime == "tflite-runtime 2.14.0"
    assert "FULLY_CONNECTED" in (loading.refused or "")


@pytest.mark.parametrize("form", FORMATS)
def test_tflite_runtime_on_python_3_11_proves_every_format(
    form: str, old_python: str, bundled: Bundled, tmp_path: Path
) -> None:
    _proves(old_python, form, bundled, tmp_path)


@pytest.mark.parametrize("form", FORMATS)
def test_ai_edge_litert_on_python_3_13_proves_every_format(
    form: str, new_python: str, bundled: Bundled, tmp_path: Path
) -> None:
    _proves(new_python, form, bundled, tmp_path)


def _proves(python: str, form: str, bundled: Bundled, folder: Path) -> None:
    done = prove(python, bundled(form), folder)
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout.splitlines()[-1])
    allowed = load(bundled(form)).golden["tolerance"]
    print(f"{form}: the golden answers differ by {found['difference']:.2g}, {allowed:.2g} is allowed")
    # half of it is left for processors that are not here
    assert found["difference"] <= allowed / 2 * (1.0 + 1e-6)  # two steps of int8 are just half
