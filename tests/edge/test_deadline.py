"""A source that hangs, without hardware: asked in time, given up, and asked again."""

import threading
import time

import pytest

from edge.errors import EndOfRecording, SensorError
from edge.reading import HUMIDITY, TEMPERATURE, Reading
from edge.sources.deadline import Deadline, hangs

PATIENCE_S = 30.0


class Gated:
    """Answers when its gate is open; counts its calls."""

    name = "iio"
    channels = (TEMPERATURE, HUMIDITY)
    simulated = False

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.calls = 0
        self.closed = False
        self.error: Exception | None = None

    def read(self) -> Reading:
        self.calls += 1
        number = self.calls
        assert self.gate.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        return Reading(number, number, {"temperature": 21.5, "humidity": 48.6})

    def close(self) -> None:
        self.closed = True


def test_an_answer_in_time_is_the_sensors_own() -> None:
    source = Gated()
    source.gate.set()
    guarded = Deadline(source)
    assert guarded.read().ts_ms == 1
    assert (guarded.name, guarded.channels, guarded.simulated) == ("iio", source.channels, False)
    assert not hangs(guarded) and not hangs(source)


@pytest.mark.parametrize("error", [SensorError("damaged"), EndOfRecording("over"), ValueError("a bug")])
def test_what_the_sensor_raises_comes_through(error: Exception) -> None:
    source = Gated()
    source.gate.set()
    source.error = error
    with pytest.raises(type(error), match=str(error)):
        Deadline(source).read()


def test_while_a_call_hangs_no_second_is_begun_and_its_late_answer_is_not_used() -> None:
    source = Gated()
    guarded = Deadline(source, deadline_s=0.2)
    for _ in range(5):
        with pytest.raises(SensorError, match="has not answered for"):
            guarded.read()
        assert hangs(guarded)
    assert source.calls == 1
    source.gate.set()
    deadline = time.monotonic() + PATIENCE_S
    while hangs(guarded):
        assert time.monotonic() < deadline
        try:
            reading = guarded.read()
        except SensorError:
            continue
    assert reading.ts_ms == 2, "the first call's answer is of another time"
    assert source.calls == 2


def test_only_the_first_of_them_waits() -> None:
    source = Gated()
    guarded = Deadline(source, deadline_s=1.0)
    with pytest.raises(SensorError):
        guarded.read()
    began = time.monotonic()
    with pytest.raises(SensorError):
        guarded.read()
    assert time.monotonic() - began < 0.5
    source.gate.set()


def test_the_end_of_the_process_waits_for_no_sensor() -> None:
    source, stop = Gated(), threading.Event()
    guarded = Deadline(source, stop, deadline_s=PATIENCE_S)
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(SensorError):
        guarded.read()
    assert time.monotonic() - began < PATIENCE_S / 3
    guarded.close()
    assert not source.closed, "to let go of what hangs would hang, too"
    source.gate.set()


def test_a_sensor_that_is_well_is_closed() -> None:
    source = Gated()
    source.gate.set()
    guarded = Deadline(source)
    guarded.read()
    guarded.close()
    assert source.closed
