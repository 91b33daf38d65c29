"""`make bench`: what picanary costs, measured on this machine, as docs/bench.md.

What was found is kept in docs/bench.json, so that one part can be measured anew without the others.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import (
    ageing,
    alongside,
    answering,
    backlog,
    formats,
    heatmap,
    holding,
    judging,
    keeping,
    opening,
    remembering,
    starting,
    taking,
    training,
)
from tests.bench.machine import machine
from tests.bench.part import Part
from tests.bench.workplace import ROOT, Workplace, workplace

TABLE, KEPT = ROOT / "docs/bench.md", ROOT / "docs/bench.json"
PARTS: dict[str, Callable[[Workplace], Part]] = {
    "start": starting.measure,
    "alongside": alongside.measure,
    "ageing": ageing.measure,
    "reading": judging.measure,
    "journal": keeping.measure,
    "backlog": backlog.measure,
    "history": remembering.measure,
    "ingest": taking.measure,
    "answers": answering.measure,
    "opening": opening.measure,
    "fleet": holding.measure,
    "heatmap": heatmap.measure,
    "training": training.measure,
    "formats": formats.measure,
}


def parser() -> argparse.ArgumentParser:
    """The bench's command line."""
    command = argparse.ArgumentParser(prog="python -m tests.bench.measure", description="What it costs.")
    command.add_argument(
        "--only",
        nargs="+",
        choices=list(PARTS),
        default=list(PARTS),
        help="measure these anew (default: all)",
    )
    command.add_argument("--run", type=Path, metavar="FOLDER", help="a trainer's run, to save its time")
    return command


def main() -> int:
    """Measure, print and write; 1 when a figure misses its target."""
    options = parser().parse_args()
    missed = False
    with workplace(options.run) as place:
        for name in options.only:
            where, start = machine(place.folder), time.perf_counter()
            try:
                part = PARTS[name](place)
            except Exception as error:  # the others can be measured all the same
                print(f"{name}: not measured: {type(error).__name__}: {error}\n", flush=True)
                missed = True
                continue
            missed = missed or any(row.met is False for row in part.rows)
            print(f"{part.markdown()}({name}: {time.perf_counter() - start:.0f} s)\n", flush=True)
            write(name, {"machine": where, "part": part.to_json()})
    return 1 if missed else 0


def write(name: str, found: dict[str, object]) -> None:
    """That part into both files, all of them in their order."""
    kept = {**(json.loads(KEPT.read_text()) if KEPT.exists() else {}), name: found}
    ordered = {each: kept[each] for each in PARTS if each in kept}
    KEPT.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
    where = "\n\n".join(sorted({each["machine"].split("; ")[0] for each in ordered.values()}))
    sections = []
    for part, each in ordered.items():
        load = each["machine"].rpartition("; ")[2]
        sections.append(f"{Part.from_json(each['part']).markdown()}\n(`ARGS='--only {part}'`, {load})\n")
    TABLE.write_text(
        "# What it costs\n\n"
        "`make bench` measures all of it; `make bench ARGS='--only start reading'` some of it, and keeps "
        f"the rest. No Pi: nothing here was taken on real hardware.\n\n{where}\n\n" + "\n".join(sections)
    )


if __name__ == "__main__":
    sys.exit(main())
