"""From nothing to a bundle."""

import time
from statistics import median

from edge.bundle.bundle import load
from tests.bench.part import Part, Row
from tests.bench.workplace import Workplace

TIMES = 20


def measure(place: Workplace) -> Part:
    """Training, export, loading."""
    bundle = place.bundle
    rows = []
    if place.training_s:
        rows.append(
            Row(
                "train, evaluate, report",
                f"{place.training_s:.0f} s",
                "28 + 14 simulated days at 10 s, two channels",
            )
        )
    rows.append(Row("convert", f"{place.converting_s:.0f} s", "export, compare, calibrate, trial"))
    model = f"model {len(load(bundle).model) / 1024:.0f} KiB"
    rows.append(Row("bundle", f"{bundle.stat().st_size / 1024:.0f} KiB", model))
    times = []
    for _ in range(TIMES):
        start = time.perf_counter()
        load(bundle).open_detector()
        times.append(time.perf_counter() - start)
    how = "hashes, manifest, interpreter; without the trial"
    rows.append(Row("load a bundle", f"{1000 * median(times):.1f} ms", how))
    return Part("Training and export", rows)
