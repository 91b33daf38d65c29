"""`python -m trainer benchmark`: detectors on labelled series, side by side."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.command import run_command
from edge.errors import ConfigError
from edge.extras import need
from trainer.benchmark.bed import DAYS
from trainer.benchmark.detection import Detector
from trainer.benchmark.registry import DETECTORS


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m trainer benchmark", description=__doc__)
    command.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        required=True,
        help="a folder of labelled series with its index.json",
    )
    command.add_argument(
        "--detectors", metavar="A,B", help=f"which to run (default: all): {', '.join(DETECTORS)}"
    )
    command.add_argument("--groups", metavar="G,H", help="which groups of the index (default: all)")
    command.add_argument(
        "--scores-out",
        type=Path,
        metavar="DIR",
        help="write the scores: DIR/DETECTOR/GROUP__NAME.csv, without DETECTOR/ if only one is run",
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        default=Path("benchmark"),
        help="the report's folder (default: benchmark)",
    )
    command.add_argument(
        "--jobs", type=int, metavar="N", default=os.cpu_count() or 1, help="processes (default: one a core)"
    )
    command.add_argument("--no-bed", action="store_true", help="without the long test bed")
    command.add_argument(
        "--bed-days",
        metavar="A,B",
        help=f"days of history on the test bed (default: {','.join(f'{d:g}' for d in DAYS)})",
    )
    command.add_argument("--fresh", action="store_true", help="compute again what an earlier run left")
    command.add_argument("--json", action="store_true", help="print the figures as JSON")
    command.add_argument("--debug", action="store_true", help="show tracebacks")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Compare. Exit status 2 with one sentence for what the user can mend, 1 when a detector failed."""
    return run_command("trainer benchmark", parser(), _benchmark, arguments)


def _benchmark(options: argparse.Namespace) -> int:
    for module in ("sklearn", "pandas", "matplotlib", "jinja2", "tqdm"):
        need(module, "train")
    from trainer.benchmark.compare import Order, compare
    from trainer.benchmark.report import markdown, write

    if options.jobs < 1:
        raise ConfigError("--jobs must be 1 or more")
    order = Order(
        data=options.data,
        detectors=chosen(options.detectors),
        out=options.out,
        groups=_names(options.groups),
        scores=options.scores_out,
        processes=options.jobs,
        bed=not options.no_bed,
        bed_days=_days(options.bed_days),
        fresh=options.fresh,
        debug=options.debug,
    )
    order.out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    comparison = compare(order)
    write(options.out, comparison)
    print(json.dumps(comparison.as_json(), allow_nan=False) if options.json else markdown(comparison))
    if not options.json:
        print(f"report  {options.out / 'benchmark.html'}")
    return 1 if comparison.failures else 0


def chosen(names: str | None) -> dict[str, Callable[[], Detector]]:
    """The detectors of a list with commas, all without one. Raises ConfigError for a name unknown."""
    wanted: Sequence[str] = _names(names) or list(DETECTORS)
    for name in wanted:
        if name not in DETECTORS:
            raise ConfigError(f"--detectors {name}: choose from {', '.join(DETECTORS)}")
    return {name: DETECTORS[name] for name in wanted}


def _days(text: str | None) -> tuple[float, ...]:
    try:
        days = DAYS if text is None else tuple(float(each) for each in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--bed-days {text}: numbers with commas between them, such as 0.25,1") from error
    if not all(0.1 <= each <= 60 for each in days):
        raise ConfigError(f"--bed-days {text}: each must be from 0.1 to 60")
    return days


def _names(text: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


if __name__ == "__main__":
    sys.exit(main())
