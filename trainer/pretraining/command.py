"""`python -m trainer pretrain`: many rooms to a prior, from which each new room starts."""

import argparse
import json
import os
from pathlib import Path

from edge.command import run_command
from edge.errors import ConfigError
from edge.extras import need


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m trainer pretrain", description=__doc__)
    command.add_argument("--out", type=Path, default=Path("prior.npz"), metavar="FILE", help="(prior.npz)")
    command.add_argument("--model", default="masked", metavar="NAME", help="masked or conv (default: masked)")
    command.add_argument("--lives", type=int, default=1200, metavar="N", help="rooms to simulate (1200)")
    command.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same seed, same prior (default: 0)"
    )
    rooms = command.add_mutually_exclusive_group()
    rooms.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="a folder of recorded rooms with an index.json, to learn from too",
    )
    rooms.add_argument(
        "--levels",
        type=Path,
        metavar="DIR",
        help="such a folder, to set the alarm levels on, and for nothing else",
    )
    command.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes")
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    command.add_argument("--debug", action="store_true", help="show tracebacks")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Pre-train. Exit status 2 with one sentence for what the user can mend."""
    return run_command("trainer pretrain", parser(), _pretrain, arguments)


def _pretrain(options: argparse.Namespace) -> int:
    if not 4 <= options.lives <= 100_000:
        raise ConfigError("--lives must be from 4 to 100000")
    if not 0 <= options.seed < 2_000:
        raise ConfigError("--seed must be from 0 to 1999")
    if options.jobs < 1:
        raise ConfigError("--jobs must be 1 or more")
    for module in ("tensorflow", "tqdm"):
        need(module, "train")
    from trainer.pretraining.pretrain import Order, pretrain, summary

    order = Order(
        options.out, options.model, options.lives, options.seed, options.data, options.levels, options.jobs
    )
    result = summary(pretrain(order, quiet=options.json))
    if options.json:
        print(json.dumps({"prior": str(options.out), **result}))
    else:
        levels = ", ".join(f"{name} {level:.3g}" for name, level in result["levels"].items())
        print(f"prior   {options.out} ({result['weights']} weights)")
        print(f"levels  {levels}")
        print(f"next    python -m trainer --prior {options.out}")
    return 0
