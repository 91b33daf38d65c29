"""Model input to Score, through the interpreter; knows nothing of thresholds.

The network is a masked autoencoder: for each channel it reconstructs the newest block from the
window's past and from the other channels' present, and says how sure it is. For each view it
answers with 2 C numbers: for each channel the mean of (newest - previous block) in units of the
channel's step, then for each channel the logarithm of the standard deviation. After these comes,
for each shape of event that it knows, the log odds that such an event is going on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from edge.detection.observation import Observation, ViewScore
from edge.detection.window import Floats, Inputs, Windows
from edge.detection.windowing import TRACE_EXTRAS, Windowing
from edge.errors import BundleError


def import_runtime() -> Any:
    """The module of the interpreter that is installed."""
    try:
        from ai_edge_litert import interpreter
    except ImportError:
        from tflite_runtime import interpreter
    return interpreter


def load_interpreter(model: bytes) -> Any:
    """The runtime that is installed, with the model in it. Raises BundleError."""
    runtime = import_runtime()
    # The plain kernels: on nets this small as fast as XNNPACK, and nothing is printed.
    resolver = runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        return runtime.Interpreter(model_content=model, num_threads=1, experimental_op_resolver_type=resolver)
    except (ValueError, RuntimeError) as error:
        raise BundleError(f"the model does not load in this runtime: {error}") from error


def runtime_version() -> str:
    """Name and version of the installed runtime, for the birth certificate."""
    from importlib.metadata import PackageNotFoundError, version

    for name in ("ai-edge-litert", "tflite-runtime"):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return "none"


class Answers(Protocol):
    """Anything that answers inputs (n, width) with (n, outputs): the interpreter, or Keras in training."""

    def answer(self, inputs: Inputs) -> Inputs:
        """Answers (n, outputs) to inputs (n, width), float32."""


class Network:
    """The bundle's model in an interpreter: inputs (n, width) to answers (n, outputs)."""

    def __init__(self, model: bytes, width: int, outputs: int) -> None:
        self._interpreter = load_interpreter(model)
        entry, answer = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()[0]
        self._input, self._output = entry["index"], answer["index"]
        self._outputs = outputs
        shapes = [int(details["shape_signature"][-1]) for details in (entry, answer)]
        if shapes != [width, outputs]:
            raise BundleError(
                f"the model takes inputs of {shapes[0]} numbers and answers with {shapes[1]}; "
                f"this bundle's windows have {width}, and {outputs} answers are needed"
            )
        try:
            self._interpreter.resize_tensor_input(self._input, [1, width], strict=False)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"the model cannot be run here: {error}") from error

    def answer(self, inputs: Inputs) -> Inputs:
        """Answers (n, outputs) to inputs (n, width), float32.

        One window at a time: larger batches take other kernels, whose last bits differ.
        """
        answers = np.empty((len(inputs), self._outputs), np.float32)
        interpreter, entry, result = self._interpreter, self._input, self._output
        for row in range(len(inputs)):
            interpreter.set_tensor(entry, inputs[row : row + 1])
            interpreter.invoke()
            answers[row] = interpreter.get_tensor(result)
        return answers


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model thinks of n readings, in V views of C channels."""

    surprise: Floats  # (n, V, C) distance from the expected value, in standard deviations
    residual: Floats  # (n, V, C) observed minus expected, physical units
    deviation: Floats  # (n, V, C) the model's standard deviation, physical units
    expected: Floats  # (n, V, C) physical units
    level: Floats  # (n, C) distance of the newest sample from the usual, in swings
    far: Floats  # (n, C) largest distance from any level of the past, in that level's reach
    evidence: Floats  # (n, E) log odds of each shape

    def observations(
        self, ts_ms: Iterable[int], values: Iterable[tuple[float, ...]]
    ) -> Iterator[Observation]:
        """One by one, as plain numbers, for the signals."""
        tables = (self.expected, self.surprise, self.residual, self.deviation)
        of_all = (self.level, self.far, self.evidence)
        room = zip(ts_ms, values, *(map(tuple, table.tolist()) for table in of_all), strict=True)
        for about, *rows in zip(room, *(table.tolist() for table in tables), strict=True):
            when, observed, level, far, evidence = about
            views = tuple(ViewScore(*map(tuple, numbers)) for numbers in zip(*rows, strict=True))
            yield Observation(when, observed, views, level, far, evidence)


class Scorer:
    """Windows to Scores. One reading or many: the same bits."""

    def __init__(self, network: Answers, windowing: Windowing, floor: Sequence[float]) -> None:
        """`floor` (C,) is the smallest standard deviation that counts, in physical units."""
        self._shape = (len(windowing.views), 2, len(windowing.channels))
        self._expectations = windowing.expectations
        self._floor = np.asarray(floor, np.float64)
        self._step = np.array([view.step[: len(windowing.channels)] for view in windowing.views])
        self._network = network
        self._traces = slice(
            windowing.trace_inputs(0).start, windowing.trace_inputs(len(windowing.channels) - 1).stop
        )

    def score(self, windows: Windows) -> Scores:
        """The windows of n readings to Scores."""
        raw = self._network.answer(windows.inputs).astype(np.float64)
        answers = raw[:, : self._expectations].reshape(-1, *self._shape)
        # contiguous, so that numpy takes the same loop, with the same bits, for one row as for many
        mean, log_deviation = np.ascontiguousarray(answers[:, :, 0]), np.ascontiguousarray(answers[:, :, 1])
        expected = windows.previous + mean * self._step
        residual = windows.present - expected
        deviation = np.hypot(np.exp(log_deviation) * self._step, self._floor)
        evidence = raw[:, self._expectations :]
        traces = windows.inputs[:, self._traces].reshape(len(raw), len(self._floor), -1)
        far = np.expm1(abs(traces[:, :, :-TRACE_EXTRAS]).max(axis=2).astype(np.float64))
        return Scores(abs(residual) / deviation, residual, deviation, expected, windows.level, far, evidence)
