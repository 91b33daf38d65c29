"""`python -m convert default`: the model that comes with the package, of no room in particular.

The weights that were trained on many simulated rooms (`python -m trainer pretrain`), exported as they
are; a device learns its own room's scales from its first readings (`edge/settling.py`). The same
command gives the same bytes.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import edge
from edge.bundle.default import NAME
from edge.command import run_command
from edge.errors import ConfigError
from trainer.quiet import start_tensorflow

if TYPE_CHECKING:  # starts TensorFlow
    from trainer.run import Run

SEED, DAYS, PERIOD_S = 0, 28.0, 10.0
BUDGET = 1.0  # false alarms a week


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m convert default", description=__doc__)
    command.add_argument(
        "--out", type=Path, help="the bundle to write (default: the package's own, in the checkout)"
    )
    command.add_argument("--version", type=int, default=1, metavar="N", help="its version (default: 1)")
    command.add_argument("--debug", action="store_true", help="show tracebacks")
    return command


def main(arguments: list[str]) -> int:
    """Make it. Exit status 2 with one sentence for what the user can mend."""
    return run_command("convert default", parser(), _make, arguments)


def _make(options: argparse.Namespace) -> int:
    start_tensorflow()
    from convert.conversion import Order, convert

    out = options.out or Path(edge.__file__).parent / "bundle" / NAME
    order = Order(
        out=out,
        form="float32",
        version=options.version,
        false_alarms_per_week=BUDGET,
        runtime="ai-edge-litert",
        runtime_python=None,
        settles=True,
    )
    made = convert(default_run(), order).bundle
    print(f"bundle     {out} ({out.stat().st_size / 1024:.1f} KiB, {made.label})")
    return 0


def default_run() -> "Run":
    """The shipped weights in a simulated room, whose scales stand in until the device knows its own."""
    from dataclasses import replace
    from importlib.metadata import version

    from edge.detection.habits import learn_habits
    from edge.sources.simulator import simulate
    from trainer.history import DAY_S, data_hash
    from trainer.prior import shipped
    from trainer.run import Run
    from trainer.train import VERSIONS_OF

    prior = shipped("masked")
    if prior is None:
        raise ConfigError("the package comes without masked.npz: python -m trainer pretrain makes it")
    history = simulate(DAYS * DAY_S, PERIOD_S, SEED)
    habits = learn_habits(history)
    habits = replace(habits, windowing=habits.windowing.with_shapes(prior.shapes))
    settings = {
        "name": "default",
        "seed": SEED,
        "architecture": prior.architecture,
        "data": {"sha256": data_hash(history)},
        "versions": {name: version(name) for name in VERSIONS_OF},
    }
    return Run(settings, prior.model(habits.windowing), habits, history, prior.fleet)
