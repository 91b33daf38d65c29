"""Records as the agent makes them, for what is measured of the journal and of the way out."""

import json
from collections.abc import Iterator
from pathlib import Path

from edge.bundle.bundle import load
from edge.judge import Judge, Model
from edge.message import encode
from edge.record import Origin, record
from edge.sources.simulator import simulate

DAY = 8_640  # readings, one in ten seconds


def a_day(bundle: Path, epoch: str) -> list[bytes]:
    """A simulated day as the trained model judges it."""
    model = load(bundle)
    recording = simulate(DAY * 10.0, 10.0, seed=1)
    judge = Judge(Model(model.label, model.channels, model.open_detector()))
    origin = Origin(
        epoch=epoch,
        boot="643f1ac3-e2d3-4d83-9a0a-0b73536a1ab5",
        source="simulator",
        simulated=True,
        channels=recording.channels,
        judged=model.channels,
        model=model.label,
    )
    found = []
    for row in range(len(recording)):
        judged = judge.see(recording.reading(row))
        found.append(encode(record(origin, row + 1, "ntp", judged.reading, judged.verdict)))
    return found


def days(day: list[bytes], count: int) -> Iterator[bytes]:
    """So many records: that day again and again, with numbers and times that go on."""
    tables = [json.loads(body) for body in day]
    for index in range(count):
        table, later_ms = tables[index % len(day)], index // len(day) * 86_400_000
        times = {"ts_ms": table["ts_ms"] + later_ms, "mono_ms": table["mono_ms"] + later_ms}
        yield encode({**table, **times, "seq": index + 1})
