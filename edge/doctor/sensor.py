"""The sensor: whether it is there, may be asked, and answers with what can be true."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.doctor.report import Finding, fail, ok, warn
from edge.errors import EndOfRecording, SensorError
from edge.gate import Gate
from edge.reading import Reading
from edge.sources import Source
from edge.sources.deadline import hangs

SUBJECT = "sensor"
# One failure is daily bread for a DHT, and it rests for two seconds.
TRIES = 3
REST_S = 2.2


def sensor(
    source: Source, rest: Callable[[float], object] = time.sleep, devices: Path = Path("/dev")
) -> Iterator[Finding]:
    """Findings about a source that could be opened; `rest` waits so many seconds between two tries."""
    if source.name == "simulator":
        yield warn(SUBJECT, "simulated: no real room is watched", "use --source iio or dht for a real one")
        return
    if source.name == "replay":
        yield warn(SUBJECT, "a recording: no room is watched now", "use --source iio or dht for a real one")
        return
    if source.name == "dht":
        yield from _lines(devices)
    yield _asked(source, rest)


def _lines(devices: Path) -> Iterator[Finding]:
    """The GPIO lines, which a sensor that is read from user space needs."""
    chips = sorted(devices.glob("gpiochip*"))
    if not chips:
        yield fail(SUBJECT, f"no {devices}/gpiochip*: this machine has no GPIO", "run it on a Raspberry Pi")
    elif not all(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        yield fail(
            SUBJECT,
            f"this user may not use {chips[0]}",
            "run `sudo usermod -aG gpio $USER` and log in again; for the service see gpio.conf",
        )
    else:
        yield ok(SUBJECT, f"{len(chips)} GPIO chips may be used")


def _asked(source: Source, rest: Callable[[float], object]) -> Finding:
    failures = 0
    while True:
        try:
            return _told(source, source.read(), failures)
        except (SensorError, EndOfRecording) as error:
            failures += 1
            if hangs(source):
                return fail(SUBJECT, str(error), "power it off and on again")
            if isinstance(error.__cause__, PermissionError):
                return fail(SUBJECT, str(error), "run this as a user who may read that file")
            if failures == TRIES:
                return fail(
                    SUBJECT, f"{failures} tries in a row failed: {error}", "check its wiring and its resistor"
                )
        rest(REST_S)


def _told(source: Source, reading: Reading, failures: int) -> Finding:
    gate = Gate(source.channels)
    gate.check(reading)
    if gate.reason is not None:
        return fail(SUBJECT, gate.reason, "check its wiring, and that it is the sensor of the configuration")
    values = ", ".join(
        f"{c.name} {reading.values[c.name]:g} {c.unit}".rstrip()
        for c in source.channels
        if reading.values.get(c.name) is not None
    )
    if failures:
        return warn(SUBJECT, f"{source.name}: {values}, after {failures} of {failures + 1} tries failed")
    return ok(SUBJECT, f"{source.name}: {values}")
