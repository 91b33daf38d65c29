"""`python -m convert RUN`: a run to a bundle, or a refusal with numbers."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from convert.tflite import FORMATS
from convert.verify import compare, golden
from edge import __version__, bundle, trial
from edge.calibration import calibrate
from edge.command import run_command
from edge.errors import ConfigError
from edge.habits import elapsed, plausible
from edge.scorer import Network, runtime_version
from edge.window import Inputs, batches
from trainer.quiet import quiet, start_tensorflow

MOST_COMPARED = 20_000


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m convert", description=__doc__)
    command.add_argument("run", type=Path, metavar="RUN", help="the folder that python -m trainer left")
    command.add_argument("--out", type=Path, help="the bundle to write (default: RUN/NAME.canary)")
    command.add_argument(
        "--false-alarms-per-week", type=float, default=1.0, metavar="N", help="the budget (default: 1)"
    )
    command.add_argument(
        "--version", type=int, default=1, metavar="N", help="the bundle's version (default: 1)"
    )
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    command.add_argument("--debug", action="store_true", help="show tracebacks")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Convert. Exit status 2 with one sentence for what the user can mend."""
    return run_command("convert", parser(), _convert, arguments)


def _convert(options: argparse.Namespace) -> int:
    if not 0.01 <= options.false_alarms_per_week <= 100:
        raise ConfigError("--false-alarms-per-week must be from 0.01 to 100")
    if options.version < 1:
        raise ConfigError("--version must be 1 or more")
    start_tensorflow()
    from trainer.fit import KerasNetwork  # TensorFlow: seconds to import
    from trainer.run import load

    run = load(options.run)
    with quiet():
        model = FORMATS["float32"](run.model)
    windowing = run.habits.windowing
    network = Network(model, windowing.width, windowing.outputs)
    inputs = _inputs(run)
    difference = compare(network, KerasNetwork(run.model), inputs)
    settings = calibrate(run.history, run.habits, network, options.false_alarms_per_week, run.fleet)
    made = bundle.Bundle(
        name=run.settings["name"],
        version=options.version,
        windowing=windowing,
        detector=settings,
        model=model,
        golden=golden(network, inputs),
        about=_about(run, options.false_alarms_per_week),
    )
    out = options.out or options.run / f"{made.name}.canary"
    saved = bundle.save(made, out, check=trial.check)
    _say(options, out, saved, difference, len(inputs))
    return 0


def _inputs(run: Any) -> Inputs:
    """Windows of the training history, at most MOST_COMPARED of them, spread over it."""
    values = plausible(run.history)
    seconds = elapsed(run.history.ts_ms, values)
    inputs = np.concatenate(
        [batch.windows.inputs for batch in batches(run.habits.windowing, values, seconds)]
    )
    return inputs[:: max(1, len(inputs) // MOST_COMPARED)]


def _about(run: Any, budget: float) -> dict[str, Any]:
    ts_ms = run.history.ts_ms
    return {
        "false_alarms_per_week": budget,
        "training": {
            "rows": len(ts_ms),
            "from_ms": int(ts_ms[0]),
            "to_ms": int(ts_ms[-1]),
            "data_sha256": run.settings["data"]["sha256"],
            "architecture": run.settings["architecture"],
            "seed": run.settings["seed"],
        },
        "versions": run.settings["versions"],
        "oldest_edge": __version__,
        "format": "float32",
    }


def _say(
    options: argparse.Namespace, out: Path, saved: bundle.Bundle, difference: float, windows: int
) -> None:
    size = out.stat().st_size
    if options.json:
        result = {"bundle": str(out), "label": saved.label, "bytes": size, "largest_difference": difference}
        print(json.dumps({**result, "windows_compared": windows, "levels": saved.detector.levels}))
        return
    levels = ", ".join(f"{name} {level:.3g}" for name, level in saved.detector.levels.items())
    print(f"compared   {windows} windows in {runtime_version()}: largest difference {difference:.2g}")
    print(f"calibrated for {options.false_alarms_per_week:g} false alarms a week: alarm at {levels}")
    print(f"bundle     {out} ({size / 1024:.1f} KiB, {saved.label})")
    print(f"try it     python -m edge --source simulator --bundle {out} --broker HOST")


if __name__ == "__main__":
    sys.exit(main())
