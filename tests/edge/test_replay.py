"""A series all at once: the same verdicts, bit for bit, as one by one."""

import math
import statistics
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle.bundle import load
from edge.detection import replay
from edge.detection.advisory import Past
from edge.detection.detector import Detector
from edge.detection.detector_settings import DetectorSettings
from edge.detection.network import BATCH
from edge.detection.signals import RunningMedian
from edge.detection.window import Inputs
from edge.detection.windowing import VAPOUR, Windowing
from edge.reading import channel
from edge.recording import Recording
from tests.edge.rooms import ROOMS, USUAL, VIEWS, windowing


class Echo:
    """A network that answers with its inputs, somewhat smaller."""

    def __init__(self, outputs: int) -> None:
        self._outputs = outputs

    def answer(self, inputs: Inputs) -> Inputs:
        return inputs.take(np.arange(self._outputs) % inputs.shape[1], axis=1) * np.float32(0.4)


def device(setup: Windowing, level: float) -> tuple[Echo, Windowing, DetectorSettings]:
    """All signals that there can be, at one level."""
    count = len(setup.channels)
    names = ["surprise", "noise", "frozen", "strange"]
    names += ["vapour"] * (VAPOUR in setup.traces) + ["stuck"] * (count > 1)
    names += ["slow_surprise"] * (len(setup.views) > 1)
    rates = tuple(tuple(0.02 + 0.9 * ((hour * 7 + c) % 24) / 24 for hour in range(24)) for c in range(count))
    detector = DetectorSettings(
        floor=tuple(0.05 * (c + 1) for c in range(count)),
        band=(1.6,) * count,
        change_rate=rates,
        levels=dict.fromkeys(names, level),
        budgets=dict.fromkeys(names, 3.0),
        past=Past(200, tuple((USUAL[name] - 0.2, USUAL[name] + 0.2) for name in setup.channels)),
        calm_s=5 * setup.period_s,
    )
    return Echo(setup.outputs), setup, detector


@st.composite
def recordings(draw: st.DrawFn) -> tuple[Windowing, Recording]:
    """A random walk that jumps, stands still, leaves its range, is missing and has gaps of all lengths."""
    period_s = draw(st.sampled_from([10.0, 60.0, 600.0]))
    setup = windowing(draw(st.sampled_from(ROOMS)), draw(st.sampled_from(VIEWS)), period_s)
    setup = setup.with_shapes(("strange", "window_open"))
    rows, rng = draw(st.integers(1, 200)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def sometimes(often: float) -> np.ndarray:
        return rng.random((rows, len(setup.channels))) < draw(st.sampled_from([0.0, often]))

    steps = rng.normal(size=(rows, len(setup.channels))) * draw(st.sampled_from([0.0, 0.02, 0.3]))
    steps[sometimes(0.02)] += draw(st.sampled_from([3.0, 30.0]))
    steps[rng.random(rows) < draw(st.sampled_from([0.0, 0.7]))] = 0.0
    values = np.array([USUAL[name] for name in setup.channels]) + np.cumsum(steps, axis=0)
    values = np.round(values, draw(st.sampled_from([1, 9])))
    values[sometimes(0.05)] = np.nan
    values[sometimes(0.02)] = -1000.0
    values[rng.random(rows) < draw(st.sampled_from([0.0, 0.02]))] = 0.0
    odd = rng.random(rows) < draw(st.sampled_from([0.0, 0.02, 0.2]))
    waits = np.where(odd, 3.0 ** rng.integers(-1, 6, rows), 1.0) * period_s * 1000.0
    ts_ms = 1_700_000_000_000 + np.cumsum(np.maximum(1, np.rint(waits).astype(np.int64)))
    channels = tuple(channel(name) for name in setup.channels)
    return setup, Recording("walk", ts_ms, channels, values, None, None, period_s, (), {}, ())


@settings(max_examples=150, deadline=None)
@given(recordings(), st.sampled_from([1, 13, 1024]), st.sampled_from([0.3, 1.0, 4.0]))
def test_all_at_once_says_the_same_as_one_by_one(
    walk: tuple[Windowing, Recording], rows: int, level: float
) -> None:
    setup, recording = walk
    network, _, detector = device(setup, level)
    one = Detector(network, setup, detector, 1.0, recording.channels)
    streamed = [one.see(recording.reading(row))[1] for row in range(len(recording))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "ROWS", rows)
        judged = replay.judge(recording, network, setup, detector)
    assert list(judged.verdicts) == streamed
    assert judged.states == [verdict.state for verdict in streamed]
    scores = [math.nan if verdict.score is None else verdict.score for verdict in streamed]
    np.testing.assert_array_equal(judged.score, scores)


def test_advice_that_comes_and_goes_in_a_calm_room_is_the_same_all_at_once() -> None:
    setup = windowing(("temperature",), period_s=600.0).with_shapes(("strange",))
    network, _, detector = device(setup, 1000.0)
    degrees = np.repeat([20.0, 24.0, 20.0], [200, 60, 200]) + 0.1 * np.sin(np.arange(460))
    ts_ms = 1_700_000_000_000 + 600_000 * np.arange(460)
    recording = Recording("shift", ts_ms, setup.measured, degrees[:, None], None, None, 600.0, (), {}, ())
    one = Detector(network, setup, detector)
    streamed = [one.see(recording.reading(row))[1] for row in range(460)]
    judged = replay.judge(recording, network, setup, detector)
    assert list(judged.verdicts) == streamed
    assert {verdict.state for verdict in streamed} == {"warming", "normal"}
    changes = [(c.phase, c.event.kind) for verdict in streamed for c in verdict.changes]
    assert changes[0] == ("start", "advisory") and changes[-1] == ("end", "advisory")
    assert judged.advised().sum() > 18


@given(
    st.lists(st.lists(st.floats(0, 9).map(lambda x: round(x, 1)), max_size=9), max_size=9), st.integers(1, 7)
)
def test_a_running_median_is_that_of_the_last_values(columns: list[list[float]], length: int) -> None:
    kept, pushed = RunningMedian(length), list[float]()
    for column in columns:
        medians = kept.push(np.array(column, np.float64))
        for at, median in enumerate(medians.tolist()):
            pushed.append(column[at])
            assert median == statistics.median_high(pushed[-length:])


@pytest.mark.parametrize("count", [1, 2, BATCH - 1, BATCH, 2 * BATCH + 3])
def test_a_window_is_answered_alike_alone_and_among_others(room_bundle: Path, count: int) -> None:
    bundle = load(room_bundle)
    inputs = np.random.default_rng(0).normal(size=(count, bundle.windowing.width)).astype(np.float32)
    together = bundle.network().answer(inputs)
    alone = bundle.network()
    for row in range(count):
        assert alone.answer(inputs[row : row + 1]).tobytes() == together[row : row + 1].tobytes()


def test_the_runtime_prints_nothing(room_bundle: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from edge.bundle.bundle import load; "
        "load(Path(sys.argv[1])).network(); print('said', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(room_bundle)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "said\n")


def test_a_long_series_takes_no_more_memory_than_a_short_one() -> None:
    setup = windowing().with_shapes(("strange",))
    network, _, detector = device(setup, 4.0)
    rows = 30_000
    values = np.array([20.0, 45.0]) + np.round(np.sin(np.arange(rows)[:, None] / [50.0, 70.0]), 1)
    ts_ms = 1_700_000_000_000 + 10_000 * np.arange(rows)
    whole = Recording("sines", ts_ms, setup.measured, values, None, None, 10.0, (), {}, ())
    peaks = []
    for recording in (whole.between(0, rows // 10), whole):
        tracemalloc.start()
        for part in replay.judge_parts(recording, network, setup, detector):
            assert len(part) <= replay.ROWS
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 40 * rows, "some columns of numbers, and no object for each row"
