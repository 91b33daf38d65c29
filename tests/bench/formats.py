"""The export formats side by side, as `python -m convert RUN --compare` tells them."""

import json
import subprocess
import sys
from typing import Any

from tests.bench.part import Part
from tests.bench.workplace import ROOT, Workplace

TITLES = ["format", "bytes", "load ms", "window µs", "99 %", "from Keras", "same flags", "alarms"]


def measure(place: Workplace) -> Part:
    """A table and the choice."""
    command = [sys.executable, "-m", "convert", str(place.run), "--compare", "--json"]
    said = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    titles = [*TITLES, *(each["runtime"] for each in said["formats"][0]["runtimes"])]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in said["formats"]]
    judged = f"{said['formats'][0]['readings_judged']:,}"
    text = (
        "`python -m convert RUN --compare` on the run above.\n\n" + "\n".join(lines) + "\n\n"
        f"Flags and alarms on the last {judged} readings of the training history at 100 alarms a week, "
        f"beside those of the Keras model. The choice: {said['choice']}: {said['why']}."
    )
    return Part("Export formats", text=text)


def _cells(row: dict[str, Any]) -> list[str]:
    loads = [
        f"{'loads' if each['loads'] else each['refused']} ({'tried' if each['tried'] else 'read'})"
        for each in row["runtimes"]
    ]
    return [
        row["format"],
        f"{row['bytes']:,}",
        f"{row['load_ms']:.2f}",
        f"{row['window_us']['median']:.0f}",
        f"{row['window_us']['p99']:.0f}",
        f"{row['largest_difference']:.2g}",
        f"{row['same_flags']:.3%}",
        f"{row['alarms']} to {row['alarms_of_keras']}",
        *loads,
    ]
