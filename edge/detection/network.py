"""The bundle's model in the interpreter that is installed: windows to answers, one or many, the same bits."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from typing import Any

import numpy as np

from edge.detection.window import Inputs
from edge.errors import BundleError

# Windows that are answered together where there are many.
BATCH = 256
_PRINTED = b"INFO: Created TensorFlow Lite XNNPACK delegate"
_OPENING = threading.Lock()
_holding_back = True


def import_runtime() -> Any:
    """The module of the interpreter that is installed."""
    try:
        from ai_edge_litert import interpreter
    except ImportError:
        from tflite_runtime import interpreter
    return interpreter


def runtime_version() -> str:
    """Name and version of the installed runtime, for the birth certificate."""
    for name in ("ai_edge_litert", "tflite_runtime"):
        try:
            version = import_module(name).__version__  # importlib.metadata brings 2 MB of mail parser
        except (ImportError, AttributeError):
            continue
        return f"{name.replace('_', '-')} {version}"
    return "none"


class _Opened:
    """An interpreter with the model in it, for windows in batches of one size."""

    def __init__(self, model: bytes, width: int, outputs: int, batch: int) -> None:
        """Raises BundleError."""
        try:
            self._interpreter = import_runtime().Interpreter(model_content=model, num_threads=1)
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"the model does not load in this runtime: {error}") from error
        entry, answer = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()[0]
        self._input, self._output = entry["index"], answer["index"]
        shapes = [int(details["shape_signature"][-1]) for details in (entry, answer)]
        if shapes != [width, outputs]:
            raise BundleError(
                f"the model takes inputs of {shapes[0]} numbers and answers with {shapes[1]}; "
                f"this bundle's windows have {width}, and {outputs} answers are needed"
            )
        try:
            self._interpreter.resize_tensor_input(self._input, [batch, width], strict=False)
            with _OPENING, _unprinted():
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"the model cannot be run here: {error}") from error

    def answer(self, inputs: Inputs) -> Inputs:
        """Answers (batch, outputs) to inputs (batch, width)."""
        self._interpreter.set_tensor(self._input, inputs)
        self._interpreter.invoke()
        answers: Inputs = self._interpreter.get_tensor(self._output)
        return answers


def let_it_print() -> None:
    """From now on nothing is held back: the last words of a process that may abort must get out."""
    global _holding_back
    _holding_back = False


@contextmanager
def _unprinted() -> Iterator[None]:
    """Hold back what the runtime prints about its kernels on the way; all else is passed on."""
    with ExitStack() as undo:
        if _holding_back:
            # without standard error, or a descriptor to spare, it prints as it likes
            with suppress(OSError):
                _hold_back(undo)
        yield


def _hold_back(undo: ExitStack) -> None:
    """Raises OSError; what was done by then is undone all the same."""
    stderr = os.dup(2)
    undo.callback(os.close, stderr)
    held, end = os.pipe()  # takes 64 KiB, which nobody prints in a millisecond
    undo.callback(os.close, held)
    undo.callback(_pass_on, held)
    try:
        os.set_blocking(held, False)
        os.dup2(end, 2)
        undo.callback(os.dup2, stderr, 2)
    finally:
        os.close(end)


def _pass_on(held: int) -> None:
    """To standard error what was held back of it; a model does not fail for a line that nobody can hear."""
    said = b""
    # not until the pipe's end: a child that another thread has just started may have it as well
    with suppress(OSError):
        while part := os.read(held, 65_536):
            said += part
    with suppress(OSError):
        for line in said.splitlines(keepends=True):
            if not line.startswith(_PRINTED):
                os.write(2, line)


class Network:
    """The bundle's model: inputs (n, width) to answers (n, outputs), whatever n is, with the same bits."""

    def __init__(self, model: bytes, width: int, outputs: int) -> None:
        """Raises BundleError."""
        self._shape = (model, width, outputs)
        self._one = _Opened(*self._shape, 1)
        self._many: _Opened | None = None

    def answer(self, inputs: Inputs) -> Inputs:
        """Answers (n, outputs) to inputs (n, width), float32."""
        if len(inputs) == 1:
            return self._one.answer(inputs)
        parts = [self._answer_batch(inputs[start : start + BATCH]) for start in range(0, len(inputs), BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, self._shape[2]), np.float32)

    def _answer_batch(self, inputs: Inputs) -> Inputs:
        if self._many is None:
            self._many = self._open_many()
        if self._many is self._one:
            return np.concatenate([self._one.answer(inputs[row : row + 1]) for row in range(len(inputs))])
        if len(inputs) == BATCH:
            return self._many.answer(inputs)
        padded = np.zeros((BATCH, inputs.shape[1]), np.float32)
        padded[: len(inputs)] = inputs
        return self._many.answer(padded)[: len(inputs)]

    def _open_many(self) -> _Opened:
        """An interpreter for batches, where its kernels give the bits of one window at a time."""
        many = _Opened(*self._shape, BATCH)
        tried = np.random.default_rng(0).normal(size=(BATCH, self._shape[1])).astype(np.float32)
        one_by_one = np.concatenate([self._one.answer(tried[row : row + 1]) for row in range(BATCH)])
        # the plain kernels, which a runtime without XNNPACK has, sum in another order
        return many if np.array_equal(many.answer(tried), one_by_one) else self._one
