"""`python -m convert RUN`: a run to a bundle, or a refusal with numbers.

`python -m convert keygen` makes a pair of keys to sign with, `python -m convert inspect BUNDLE`
says what is in a bundle.
"""

import argparse
import json
import sys
from pathlib import Path

from convert.comparison import Row, choose, head, rows
from convert.conversion import Converted, Order, convert
from convert.runtimes import RUNTIMES
from convert.tflite import FORMATS
from edge import extras
from edge.command import run_command
from edge.detection.budget import LEAST_BUDGET, MOST_BUDGET
from edge.detection.network import runtime_version
from edge.errors import ConfigError
from trainer.quiet import start_tensorflow
from trainer.run import Run, expect, load


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m convert",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("run", type=Path, metavar="RUN", help="the folder that python -m trainer left")
    command.add_argument("--out", type=Path, help="the bundle to write (default: RUN/NAME.canary)")
    command.add_argument(
        "--false-alarms-per-week", type=float, default=1.0, metavar="N", help="the budget (default: 1)"
    )
    command.add_argument(
        "--version", type=int, default=1, metavar="N", help="the bundle's version (default: 1)"
    )
    command.add_argument(
        "--format", default="float32", choices=FORMATS, help="of the model file (default: float32)"
    )
    command.add_argument(
        "--compare", action="store_true", help="write no bundle: measure all formats, and say which to take"
    )
    command.add_argument(
        "--runtime",
        default="ai-edge-litert",
        choices=RUNTIMES,
        help="what the device has: ai-edge-litert (64 bits; the default) or tflite-runtime 2.14 (32-bit ARM)",
    )
    command.add_argument(
        "--runtime-python",
        metavar="PYTHON",
        help="a Python with numpy and tflite-runtime, to try the file there rather than read its operators",
    )
    command.add_argument("--key", type=Path, metavar="FILE", help="sign with this private key (see keygen)")
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    command.add_argument("--debug", action="store_true", help="show tracebacks")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Convert. Exit status 2 with one sentence for what the user can mend."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["keygen"]:
        from convert.keygen import main as keygen

        return keygen(arguments[1:])
    if arguments[:1] == ["inspect"]:
        from convert.inspection import main as inspect

        return inspect(arguments[1:])
    if arguments[:1] == ["default"]:
        from convert.default import main as default

        return default(arguments[1:])
    return run_command("convert", parser(), _convert, arguments)


def _convert(options: argparse.Namespace) -> int:
    _check(options)
    key = _key(options.key)
    extras.expect("tensorflow", "train")
    expect(options.run)
    start_tensorflow()  # takes seconds
    run = load(options.run)
    if options.compare:
        return _compare(options, run)
    order = Order(
        out=options.out or options.run / f"{run.settings['name']}.canary",
        form=options.format,
        version=options.version,
        false_alarms_per_week=options.false_alarms_per_week,
        runtime=options.runtime,
        runtime_python=options.runtime_python,
        key=key,
    )
    _say(options, order.out, convert(run, order))
    return 0


def _check(options: argparse.Namespace) -> None:
    if not LEAST_BUDGET <= options.false_alarms_per_week <= MOST_BUDGET:
        raise ConfigError(f"--false-alarms-per-week must be from {LEAST_BUDGET:g} to {MOST_BUDGET:g}")
    if options.version < 1:
        raise ConfigError("--version must be 1 or more")
    if options.compare and (options.out or options.key):
        raise ConfigError("--compare writes no bundle; leave --out and --key away")


def _key(path: Path | None) -> object:
    if path is None:
        return None
    from edge.bundle.keys import read_private  # cryptography: slow to import, and seldom needed

    return read_private(path)


def _compare(options: argparse.Namespace, run: Run) -> int:
    table: list[Row] = []
    for row in rows(run, options.false_alarms_per_week, options.runtime_python):
        if not options.json:
            print(row if table else f"{head(row)}\n{row}", flush=True)  # each takes a while
        table.append(row)
    choice, why = choose(table)
    if options.json:
        print(json.dumps({"formats": [row.to_json() for row in table], "choice": choice, "why": why}))
    else:
        print(f"choice: {choice or 'none'}: {why}")
    return 0


def _say(options: argparse.Namespace, out: Path, converted: Converted) -> None:
    size, saved, agreement = out.stat().st_size, converted.bundle, converted.agreement
    if options.json:
        result = {
            "bundle": str(out),
            "label": saved.label,
            "bytes": size,
            "format": options.format,
            "largest_difference": converted.difference,
            "windows_compared": converted.windows,
            "same_flags": None if agreement is None else agreement.share,
            "levels": saved.detector.levels,
            "signed": options.key is not None,
            "labels": None if converted.tried is None else converted.tried.to_json(),
        }
        print(json.dumps(result))
        return
    levels = ", ".join(f"{name} {level:.3g}" for name, level in saved.detector.levels.items())
    print(
        f"compared   {converted.windows} windows in {runtime_version()}: "
        f"largest difference {converted.difference:.2g}"
    )
    if agreement is not None:
        print(
            f"flags      {agreement.share:.3%} of {agreement.readings} readings have the trained model's, "
            f"{agreement.alarms} alarms against {agreement.trained_alarms} (at {MOST_BUDGET:g} a week)"
        )
    print(f"calibrated for {options.false_alarms_per_week:g} false alarms a week: alarm at {levels}")
    if converted.tried is not None:
        print(f"labels     {converted.tried.sentence}, at these levels")
    signed = ", signed" if options.key else ""
    print(f"bundle     {out} ({size / 1024:.1f} KiB, {saved.label}{signed})")
    print(f"try it     python -m edge --source simulator --bundle {out} --broker HOST")


if __name__ == "__main__":
    sys.exit(main())
